/** Bounds of policies. They are files of the operator, yet a mistake with one must not stop a node. */
export const authzLimits = {
  /** Bytes of one policy or groups file; real ones have a few thousand. */
  policyFileBytesMax: 1_024 * 1_024,
  /** Lines of one file. */
  policyLinesMax: 10_000,
  /** Bytes of one line, as the other servers of a fleet have it: what they cannot read they deny, and so must these. */
  policyLineBytesMax: 65_535,
  /** Characters of an agent's name; it becomes a file's name. */
  agentNameCharactersMax: 128,
  /** Policies kept parsed, one for each agent that was asked for. */
  policiesMax: 256,
  /** Milliseconds for compiling one Rego policy; real ones take 50. */
  compileMs: 15_000,
  /** Milliseconds for one decision of a Rego policy; real ones take less than one. */
  evaluateMs: 1_000,
  /** Milliseconds for the first decision, which starts the engine. */
  engineStartMs: 10_000,
  /** Milliseconds without a decision after which the engine gives its memory back. */
  engineIdleMs: 300_000,
  /** Decisions that may wait for the engine; more are denied. */
  evaluationsWaitingMax: 1_000,
  /** 64 KiB pages of memory of one policy: 64 MiB. */
  wasmPagesMax: 1_024,
  /** Megabytes of the engine's own heap. */
  engineHeapMegabytes: 128,
  /** Policies the engine keeps ready. */
  loadedPoliciesMax: 64,
  /** Bytes of one compiled policy; real ones have 300,000. */
  wasmBytesMax: 16 * 1_024 * 1_024,
  /** Bytes of what opa builds, unpacked. */
  bundleBytesMax: 32 * 1_024 * 1_024,
  /** Bytes of what opa prints; its list of functions has 200,000. */
  opaOutputBytesMax: 4 * 1_024 * 1_024,
  /** Lines of an opa error that are shown. */
  opaMessageLinesMax: 6,
  /** Compiled policies kept in memory: one for each agent, or for each kind of token. */
  compiledPoliciesMax: 128,
  /** Bytes of the input of one decision: request data, facts and claims. */
  regoInputBytesMax: 8 * 1_024 * 1_024,
  /** Entries of a token's list of agents. */
  tokenAgentsMax: 10_000,
} as const;
