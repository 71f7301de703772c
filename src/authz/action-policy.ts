/**
 * Action Policy: who may run which action of an agent, decided by `policies/<agent>.policy` beside the configuration file.
 *
 * Files are read at each request, so that a change counts at once, and parsed again only when their bytes changed. No file, an
 * unreadable one, or any error means no.
 */
import {posix} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {Files} from '../lib/platform.ts';
import {decide} from './decide.ts';
import {AuthzError} from './errors.ts';
import {createSharedRead, type SharedRead} from './shared-read.ts';
import {type Groups, noGroups, parseGroups} from './groups.ts';
import {authzLimits} from './limits.ts';
import {parsePolicy, type Policy} from './policy-text.ts';
import type {AuthzNode, AuthzRequest, AuthzVerdict, PolicyExplanation} from './types.ts';

export interface ActionPolicyOptions {
  readonly files: Files;
  readonly logger: Logger;
  /** The directory of the policies, absolute; undefined when there is no configuration file to find it by. */
  readonly directory: string | undefined;
  /** Name of the policy for agents without their own; undefined when that is off. */
  readonly defaultName: string | undefined;
  readonly allowUnconfigured: boolean;
  readonly classesKnown: boolean;
}

export interface ActionPolicy {
  readonly name: string;
  /** Decides, and says so in the log. Never rejects. */
  authorize(request: AuthzRequest, node: AuthzNode): Promise<AuthzVerdict>;
  /** Decides without a word in the log, and tells line by line why. */
  explain(request: AuthzRequest, node: AuthzNode): Promise<PolicyExplanation>;
}

interface Parsed<T> {
  readonly bytes: Buffer;
  readonly value: T;
}

export function createActionPolicy(options: ActionPolicyOptions): ActionPolicy {
  const store = new PolicyStore(options);
  return {
    name: 'action_policy',
    explain: (request, node) => explain(request, node, {store, options, speak: false}),
    async authorize(request, node) {
      const {allowed, reason} = await explain(request, node, {store, options, speak: true});
      return {allowed, reason};
    },
  };
}

interface Run {
  readonly store: PolicyStore;
  readonly options: ActionPolicyOptions;
  readonly speak: boolean;
}

async function explain(
  request: AuthzRequest,
  node: AuthzNode,
  {store, options, speak}: Run,
): Promise<PolicyExplanation> {
  const {logger} = options;
  try {
    const {path, policy, groups} = await store.find(request.agent, speak);
    const result = await decide(request, {
      policy,
      groups,
      node,
      classesKnown: options.classesKnown,
      allowUnconfigured: options.allowUnconfigured,
      path,
      file: posix.basename(path),
      onProblem: (message) => {
        if (speak) logger.error(message);
      },
    });
    if (speak && !result.allowed) sayNo(request, result, logger);
    return result;
  } catch (error) {
    const reason = errorMessage(error);
    const what =
      error instanceof AuthzError ? 'Could not lookup policy files' : `Authorizing request ${request.requestId} failed`;
    if (speak) logger.error(`${what}: ${reason}`);
    return {allowed: false, reason, file: undefined, line: undefined, steps: [], warnings: []};
  }
}

function sayNo(request: AuthzRequest, result: PolicyExplanation, logger: Logger): void {
  if (result.steps.at(-1)?.outcome === 'error') {
    logger.error(`Authorizing request ${request.requestId} failed: ${result.reason}`, {
      line: result.line,
      policy: result.file,
    });
  } else {
    logger.info(`Denying request ${request.requestId}: ${result.reason}`);
  }
}

interface FileBytes {
  readonly path: string;
  readonly bytes: Buffer;
}

/** What one look at the disk found for an agent. */
interface PolicyBytes {
  readonly policy: FileBytes | undefined;
  readonly groups: Promise<FileBytes | undefined>;
}

/** Policies and groups as read last. */
class PolicyStore {
  private readonly options: ActionPolicyOptions;
  private readonly policies = new Map<string, Parsed<Policy>>();
  private knownGroups: Parsed<Groups> | undefined;
  private readonly read: SharedRead<PolicyBytes>;

  constructor(options: ActionPolicyOptions) {
    this.options = options;
    this.read = createSharedRead((agent) => this.readFor(agent));
  }

  async find(
    agent: string,
    speak: boolean,
  ): Promise<{readonly path: string; readonly policy: Policy; readonly groups: () => Promise<Groups>}> {
    const {policy, groups} = await this.read(agent);
    // Its problems are told at the first request, not when a line first asks for a group; whether it can be read matters only then.
    if (speak) await this.groups(groups, speak).catch(() => undefined);
    if (policy !== undefined) {
      const {path, bytes} = policy;
      return {path, policy: this.policy(path, bytes, speak), groups: () => this.groups(groups, speak)};
    }
    const hint = this.options.allowUnconfigured
      ? '; allow_unconfigured only counts for policies that have no default line'
      : '';
    throw new AuthzError(
      'ERR_POLICY_MISSING',
      `no policy found for ${agent.slice(0, authzLimits.agentNameCharactersMax)}${hint}`,
    );
  }

  /** All files at once: the actions of thousands of servers wait for them, one round trip to the disk after the other. */
  private async readFor(agent: string): Promise<PolicyBytes> {
    const reads = [agent, this.options.defaultName].flatMap((name) => {
      const path = name === undefined ? undefined : this.pathOf(`${name}.policy`, name);
      return path === undefined ? [] : [this.start(path)];
    });
    const groupsPath = reads.length === 0 ? undefined : this.pathOf('groups', 'groups');
    const groups = groupsPath === undefined ? Promise.resolve(undefined) : this.start(groupsPath);
    for (const read of reads) {
      const found = await read;
      if (found !== undefined) return {policy: found, groups};
    }
    return {policy: undefined, groups};
  }

  /** Whether trouble with this file matters is seen by whoever waits for it. */
  private start(path: string): Promise<FileBytes | undefined> {
    const read = this.readFile(path);
    read.catch(() => undefined);
    return read;
  }

  /** Undefined for names that are no plain file name: nothing outside the directory is ever read. */
  private pathOf(file: string, name: string): string | undefined {
    const {directory} = this.options;
    const isPlain = /^[0-9A-Za-z_][0-9A-Za-z_.-]*$/.test(name) && name.length <= authzLimits.agentNameCharactersMax;
    return directory !== undefined && isPlain ? posix.join(directory, file) : undefined;
  }

  /** Undefined when there is no such file; any other trouble is an error, never a reason to look further. */
  private async readFile(path: string): Promise<FileBytes | undefined> {
    try {
      return {path, bytes: await this.options.files.read(path, {limitBytes: authzLimits.policyFileBytesMax})};
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new AuthzError('ERR_POLICY_UNREADABLE', `cannot read the policy ${path}: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  private policy(path: string, bytes: Buffer, speak: boolean): Policy {
    const known = this.policies.get(path);
    if (known?.bytes.equals(bytes) === true) return known.value;
    const policy = parsePolicy(decode(path, bytes));
    if (speak) {
      for (const {line, message} of policy.warnings) this.options.logger.warn(message, {line, policy: path});
      if (this.policies.size >= authzLimits.policiesMax) this.policies.clear();
      this.policies.set(path, {bytes, value: policy});
    }
    return policy;
  }

  private async groups(read: PolicyBytes['groups'], speak: boolean): Promise<Groups> {
    const found = await read;
    if (found === undefined) return noGroups;
    const {path, bytes} = found;
    if (this.knownGroups?.bytes.equals(bytes) === true) return this.knownGroups.value;
    const groups = parseGroups(decode(path, bytes), path);
    if (speak) {
      for (const {line, message} of groups.problems) this.options.logger.error(message, {line});
      this.knownGroups = {bytes, value: groups};
    }
    return groups;
  }
}

function decode(path: string, bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch (error) {
    throw new AuthzError('ERR_POLICY_UNREADABLE', `cannot read the policy ${path}: it is not UTF-8 text`, {
      cause: error,
    });
  }
  const {policyLineBytesMax, policyLinesMax} = authzLimits;
  let lines = 0;
  for (let start = 0, end = 0; start <= bytes.length; start = end + 1) {
    const found = bytes.indexOf(0x0a, start);
    end = found === -1 ? bytes.length : found;
    lines += 1;
    if (end - start > policyLineBytesMax) {
      throw new AuthzError(
        'ERR_POLICY_UNREADABLE',
        `cannot read the policy ${path}: line ${lines} has ${end - start} bytes, at most ${policyLineBytesMax} are allowed`,
      );
    }
  }
  if (lines - 1 > policyLinesMax) {
    throw new AuthzError(
      'ERR_POLICY_UNREADABLE',
      `cannot read the policy ${path}: it has ${lines - 1} lines, at most ${policyLinesMax} are allowed`,
    );
  }
  return text;
}
