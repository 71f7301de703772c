/**
 * Keeps the agents that come from files in step with the disk: new ones are asked whether they want to run and registered, changed ones
 * replaced, removed ones unregistered. One scan looks at every kind, so an idle node wakes once for all of them.
 *
 * Unlike the reference, an agent that refused or failed is asked again when its files change, and forgotten when they go. A new version
 * that cannot be used leaves the one before in its place.
 */
import {errorMessage} from '../lib/errors.ts';
import type {TimerHandle} from '../lib/platform.ts';
import type {Agent, AgentProvider, AgentRegistry, NodeContext} from '../rpc/types.ts';
import {reportedProblemsMax, scanIntervalMaxMs, scanIntervalStartMs} from './limits.ts';

export interface FileAgent {
  readonly name: string;
  /** The file that a person looks at when something is wrong. */
  readonly path: string;
  /** Changes whenever the agent has to be made anew. */
  readonly print: string;
  /** Of the newest of its files. */
  readonly modifiedAtMs: number;
  /** Makes the agent; a failure keeps the version before. */
  make(): Promise<Agent>;
}

/** One kind of agents on disk. */
export interface FileAgentSource {
  /** In log lines, such as `external`. */
  readonly kind: string;
  /** Files younger than this may still be written and wait for the next scan. */
  readonly settleMs: number;
  /** By name; of two with one name the first counts. */
  find(onProblem: (path: string, problem: string) => void): Promise<ReadonlyMap<string, FileAgent>>;
  stop?(): Promise<void>;
}

/** Looks for something else in the same scans. */
export type AlsoScan = (onProblem: (path: string, problem: string) => void) => Promise<void>;

export interface FileAgentOptions {
  readonly node: NodeContext;
  readonly registry: AgentRegistry;
}

export interface FileAgentProvider extends AgentProvider {
  /** Looks at the disk now; also called by itself every few seconds. */
  scan(): Promise<void>;
}

export function createFileAgentProvider(options: ProviderOptions): FileAgentProvider {
  return new Provider(options);
}

interface ProviderOptions extends FileAgentOptions {
  readonly name: string;
  readonly sources: readonly FileAgentSource[];
  readonly alsoScan?: AlsoScan;
}

interface Known {
  readonly print: string;
  readonly isRegistered: boolean;
}

class Provider implements FileAgentProvider {
  readonly name: string;
  readonly #options: ProviderOptions;
  readonly #known = new Map<FileAgentSource, Map<string, Known>>();
  readonly #reported = new Map<string, string>();
  #timer: TimerHandle | undefined;
  #delayMs = scanIntervalStartMs;
  #stopped = false;
  #scanning: Promise<void> | undefined;

  constructor(options: ProviderOptions) {
    this.name = options.name;
    this.#options = options;
    for (const source of options.sources) this.#known.set(source, new Map());
  }

  async start(): Promise<void> {
    await this.scan();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#scanning;
    for (const [source, known] of this.#known) {
      for (const [name, {isRegistered}] of known) if (isRegistered) await this.#options.registry.remove(name);
      known.clear();
      await source.stop?.();
    }
  }

  scan(): Promise<void> {
    this.#scanning ??= this.#scanAll().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  #schedule(): void {
    if (this.#stopped) return;
    const {clock, random} = this.#options.node.platform;
    // A fleet that started together must not look at its disks together for ever.
    const delayMs = this.#delayMs * (0.5 + random.float());
    this.#delayMs = Math.min(this.#delayMs + 500, scanIntervalMaxMs);
    this.#timer = clock.setTimer(() => void this.scan().then(() => this.#schedule()), delayMs, {background: true});
  }

  async #scanAll(): Promise<void> {
    for (const [source, known] of this.#known) {
      try {
        const found = await source.find((path, problem) => this.#reportAgent(source, {path, problem}));
        // What is gone goes first: another kind of agent may have taken its name.
        for (const name of known.keys()) if (!found.has(name)) await this.#forget(known, name);
        for (const agent of found.values()) await this.#update(source, {known, found: agent});
      } catch (error) {
        this.#options.node.logger.error(`Could not look for ${source.kind} agents: ${errorMessage(error)}`);
      }
    }
    await this.#options.alsoScan?.((path, problem) =>
      this.#reportOnce(path, `Cannot use the data plugin of ${path}: ${problem}`),
    );
  }

  async #update(
    source: FileAgentSource,
    state: {readonly known: Map<string, Known>; readonly found: FileAgent},
  ): Promise<void> {
    const {node, registry} = this.#options;
    const {known, found} = state;
    const {name, print, modifiedAtMs} = found;
    const before = known.get(name);
    if (before?.print === print || this.#stopped) return;
    const ageMs = node.platform.clock.nowMs() - modifiedAtMs;
    // A file from the future, after the clock was set back, must not wait until that future has come.
    if (ageMs >= 0 && ageMs < source.settleMs) return;
    try {
      const agent = await found.make();
      const isRegistered = before?.isRegistered ? await registry.replace(agent, node) : await registry.add(agent, node);
      if (!isRegistered) await agent.stop?.();
      known.set(name, {print, isRegistered});
    } catch (error) {
      known.set(name, {print, isRegistered: before?.isRegistered ?? false});
      const kept = before?.isRegistered ? '; the version before stays in use' : '';
      this.#reportAgent(source, {path: found.path, problem: `${errorMessage(error)}${kept}`});
    }
  }

  async #forget(known: Map<string, Known>, name: string): Promise<void> {
    const wasRegistered = known.get(name)?.isRegistered ?? false;
    known.delete(name);
    if (!wasRegistered) return;
    await this.#options.registry.remove(name);
    // Agents of another kind that could not have the name are asked again.
    for (const others of this.#known.values()) if (others.get(name)?.isRegistered === false) others.delete(name);
  }

  #reportAgent(source: FileAgentSource, what: {readonly path: string; readonly problem: string}): void {
    this.#reportOnce(what.path, `Cannot use the ${source.kind} agent of ${what.path}: ${what.problem}`);
  }

  /** A file that stays wrong is told once, not at each scan. */
  #reportOnce(path: string, message: string): void {
    if (this.#reported.get(path) === message) return;
    if (this.#reported.size > reportedProblemsMax) this.#reported.clear();
    this.#reported.set(path, message);
    this.#options.node.logger.warn(message);
  }
}
