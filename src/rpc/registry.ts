/**
 * The agents of one node by name.
 *
 * The server subscribes and unsubscribes through a listener, so that agents may come and go while the node runs: external agents
 * are found, upgraded and removed on disk at any time.
 */
import {assert, errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {AgentMetadata} from '../ddl/types.ts';
import {RpcError} from './errors.ts';
import type {Agent, AgentRegistry, AgentRegistryListener, NodeContext} from './types.ts';

export interface AgentRegistryOptions {
  readonly logger: Logger;
  /** Names that this node refuses, as embedders and provisioning mode ask for. */
  readonly denied?: readonly string[];
  /** `--service-host`: ordinary agents are refused. */
  readonly serviceAgentsOnly?: boolean;
}

/** Agent names are parts of subjects and of file names, so nothing else may be in them. */
const namePattern = /^[A-Za-z0-9_-]{1,128}$/;

export function createAgentRegistry(options: AgentRegistryOptions): AgentRegistry {
  return new Registry(options);
}

class Registry implements AgentRegistry {
  readonly #agents = new Map<string, Agent>();
  readonly #listeners = new Set<AgentRegistryListener>();
  readonly #options: AgentRegistryOptions;

  constructor(options: AgentRegistryOptions) {
    this.#options = options;
  }

  names(): readonly string[] {
    return [...this.#agents.keys()].sort();
  }

  metadata(): readonly AgentMetadata[] {
    return this.names().map((name) => {
      const agent = this.#agents.get(name);
      assert(agent, `agent "${name}" is in the list of names`);
      return agent.metadata;
    });
  }

  get(name: string): Agent | undefined {
    return this.#agents.get(name);
  }

  async add(agent: Agent, node: NodeContext): Promise<boolean> {
    this.#check(agent);
    if (!(await this.#isWanted(agent, node))) return false;
    // Asked again: two providers may offer the same name while the question above was open.
    if (this.#agents.has(agent.metadata.name)) throw existsError(agent.metadata.name);
    this.#agents.set(agent.metadata.name, agent);
    this.#options.logger.info(`Registered agent ${agent.metadata.name}`, {agent: agent.metadata.name});
    for (const listener of this.#listeners) listener.added?.(agent);
    return true;
  }

  async replace(agent: Agent, node: NodeContext): Promise<boolean> {
    const {name, service} = agent.metadata;
    const current = this.#agents.get(name);
    if (!current) throw new RpcError('ERR_AGENT_UNKNOWN', `Cannot replace agent "${name}": it is not registered`);
    if (current.metadata.service !== service) {
      throw new RpcError(
        'ERR_AGENT_SERVICE_CHANGED',
        `Cannot replace agent "${name}": replacement agent cannot change service property from ${current.metadata.service} to ${service}`,
      );
    }
    checkMetadata(agent.metadata);
    if (!(await this.#isWanted(agent, node))) {
      await this.remove(name);
      return false;
    }
    // Subjects stay the same, so listeners need not know; calls that run in the old one end there.
    this.#agents.set(name, agent);
    this.#options.logger.info(`Replaced agent ${name}`, {agent: name, version: agent.metadata.version});
    await current.stop?.();
    return true;
  }

  async remove(name: string): Promise<boolean> {
    const agent = this.#agents.get(name);
    if (!agent) return false;
    this.#agents.delete(name);
    for (const listener of this.#listeners) listener.removed?.(agent);
    this.#options.logger.info(`Removed agent ${name}`, {agent: name});
    await agent.stop?.();
    return true;
  }

  listen(listener: AgentRegistryListener): () => void {
    this.#listeners.add(listener);
    for (const name of this.names()) {
      const agent = this.#agents.get(name);
      if (agent) listener.added?.(agent);
    }
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    for (const name of this.names()) await this.remove(name);
  }

  #check(agent: Agent): void {
    checkMetadata(agent.metadata);
    if (this.#agents.has(agent.metadata.name)) throw existsError(agent.metadata.name);
  }

  async #isWanted(agent: Agent, node: NodeContext): Promise<boolean> {
    const {name, service} = agent.metadata;
    if (this.#options.denied?.includes(name)) {
      this.#options.logger.warn(`Denying agent ${name}`, {agent: name});
      return false;
    }
    if (this.#options.serviceAgentsOnly && !service) {
      this.#options.logger.warn(`Denying non Service Agent ${name}`, {agent: name});
      return false;
    }
    try {
      if ((await agent.shouldActivate?.(node)) ?? true) return true;
      this.#options.logger.info(`Agent ${name} is not active on this node`, {agent: name});
      return false;
    } catch (error) {
      this.#options.logger.warn(`Agent ${name} could not decide whether to be active: ${errorMessage(error)}`, {
        agent: name,
      });
      return false;
    }
  }
}

function existsError(name: string): RpcError {
  return new RpcError('ERR_AGENT_EXISTS', `Cannot register agent "${name}": an agent of this name is registered`);
}

function checkMetadata(metadata: AgentMetadata): void {
  if (!namePattern.test(metadata.name)) {
    throw new RpcError(
      'ERR_AGENT_METADATA',
      `Cannot register agent ${JSON.stringify(metadata.name)}: a name has 1 to 128 letters, digits, "_" or "-"`,
    );
  }
  if (!(metadata.timeoutSeconds >= 1)) {
    throw new RpcError(
      'ERR_AGENT_METADATA',
      `Cannot register agent "${metadata.name}": its timeout is ${metadata.timeoutSeconds} seconds, expected at least 1`,
    );
  }
}
