/**
 * Keeps the external agents of a node in step with the disk: new ones are asked whether they want to run and registered, changed ones
 * replaced, removed ones unregistered.
 *
 * Unlike the reference, an agent that refused or failed is asked again when its files change, and forgotten when they go.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {TimerHandle} from '../../lib/platform.ts';
import type {AgentProvider, AgentRegistry, NodeContext} from '../../rpc/types.ts';
import {scanIntervalMaxMs, scanIntervalStartMs, settleMs} from '../limits.ts';
import {createExternalAgent} from './agent.ts';
import {scanExternalAgents, type FoundAgent} from './scan.ts';

export interface ExternalProviderOptions {
  readonly node: NodeContext;
  readonly registry: AgentRegistry;
}

interface Known {
  readonly print: string;
  readonly isRegistered: boolean;
}

export interface ExternalAgentProvider extends AgentProvider {
  /** Looks at the disk now; also called by itself every few seconds. */
  scan(): Promise<void>;
}

export function createExternalAgentProvider(options: ExternalProviderOptions): ExternalAgentProvider {
  return new Provider(options);
}

class Provider implements ExternalAgentProvider {
  readonly name = 'external';
  readonly #options: ExternalProviderOptions;
  readonly #known = new Map<string, Known>();
  readonly #reported = new Map<string, string>();
  #timer: TimerHandle | undefined;
  #delayMs = scanIntervalStartMs;
  #stopped = false;
  #scanning: Promise<void> | undefined;

  constructor(options: ExternalProviderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.scan();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#scanning;
    for (const [name, known] of this.#known) if (known.isRegistered) await this.#options.registry.remove(name);
    this.#known.clear();
  }

  scan(): Promise<void> {
    this.#scanning ??= this.#scanOnce().finally(() => {
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

  async #scanOnce(): Promise<void> {
    const {node} = this.#options;
    const directories = node.config.get('plugin.choria.agent_provider.mcorpc.libdir');
    try {
      const found = await scanExternalAgents({
        files: node.platform.files,
        host: node.platform.host,
        directories,
        onProblem: (path, problem) => this.#reportOnce(path, problem),
      });
      for (const [name, agent] of found) await this.#update(name, agent);
      for (const name of this.#known.keys()) if (!found.has(name)) await this.#forget(name);
    } catch (error) {
      node.logger.error(`Could not look for external agents: ${errorMessage(error)}`);
    }
  }

  async #update(name: string, found: FoundAgent): Promise<void> {
    const {node, registry} = this.#options;
    const print = `${found.ddl.metadata.version} ${found.executable} ${found.modifiedAtMs}`;
    const known = this.#known.get(name);
    if (known?.print === print || this.#stopped) return;
    if (node.platform.clock.nowMs() - found.modifiedAtMs < settleMs) return;
    try {
      const agent = createExternalAgent(found);
      const isRegistered = known?.isRegistered ? await registry.replace(agent, node) : await registry.add(agent, node);
      this.#known.set(name, {print, isRegistered});
    } catch (error) {
      this.#known.set(name, {print, isRegistered: known?.isRegistered ?? false});
      this.#reportOnce(found.ddlPath, errorMessage(error));
    }
  }

  async #forget(name: string): Promise<void> {
    const known = this.#known.get(name);
    this.#known.delete(name);
    if (known?.isRegistered) await this.#options.registry.remove(name);
  }

  /** A file that stays wrong is told once, not at each scan. */
  #reportOnce(path: string, problem: string): void {
    if (this.#reported.get(path) === problem) return;
    if (this.#reported.size > 10_000) this.#reported.clear();
    this.#reported.set(path, problem);
    this.#options.node.logger.warn(`Cannot use the external agent of ${path}: ${problem}`);
  }
}
