/** Bounds of policies. They are files of the operator, yet a mistake with one must not stop a node. */
export const authzLimits = {
  /** Bytes of one policy or groups file; real ones have a few thousand. */
  policyFileBytesMax: 1_024 * 1_024,
  /** Lines of one file. */
  policyLinesMax: 10_000,
  /** Characters of an agent's name; it becomes a file's name. */
  agentNameCharactersMax: 128,
  /** Policies kept parsed, one for each agent that was asked for. */
  policiesMax: 256,
} as const;
