/**
 * A simulated fleet for tests of one's own agents and automation: the code that ships, and time that passes only when told to.
 */
import {createClient, type FleetClient} from '../client/index.ts';
import {loadConfig} from '../config/index.ts';
import type {DefinedAgent} from '../rpc/index.ts';
import {brokerHost, type NodeMachine, type NodeSetting, SimFleet} from './fleet.ts';
import {History} from './history.ts';
import {createSimRandom} from './random.ts';
import {Timeline} from './timeline.ts';

export interface SimulatedFleetOptions {
  readonly nodes: number;
  /** Everything that is random comes from it. */
  readonly seed: string;
  /** Your agents; asked for each node, and again when a node is started again. */
  readonly agents?: (node: NodeSetting) => readonly DefinedAgent[];
  /** Action policies by agent name. Absent: the caller may do everything with your agents and `rpcutil`. */
  readonly policies?: Readonly<Record<string, string>>;
  readonly facts?: (index: number) => Readonly<Record<string, unknown>>;
  readonly classes?: (index: number) => readonly string[];
}

const startLimitMs = 120_000;
const runLimitMs = 3_600_000;
const callerName = 'operator.mcollective';
const allowCaller = `policy default deny\nallow\tchoria=${callerName}\t*\t*\t*\n`;

/**
 * Nodes are named `node0.sim`, `node1.sim` and so on.
 *
 * @example
 * const fleet = await startSimulatedFleet({nodes: 3, seed: '42', agents: () => [myAgent]});
 * fleet.cut('node1.sim');
 * const found = await fleet.run(fleet.client.discover());
 * fleet.heal('node1.sim');
 * await fleet.advance(120_000);
 */
export async function startSimulatedFleet(options: SimulatedFleetOptions): Promise<SimulatedFleet> {
  const timeline = new Timeline();
  const agents = options.agents ?? (() => []);
  const fleet = new SimFleet({
    timeline,
    random: createSimRandom(options.seed),
    history: new History(),
    nodes: options.nodes,
    agents,
    policies: options.policies ?? {},
    ...(options.facts === undefined ? {} : {facts: options.facts}),
    ...(options.classes === undefined ? {} : {classes: options.classes}),
  });
  await fleet.prepare();
  const machine = await fleet.caller(callerName);
  await timeline.runUntil(fleet.startBroker(), startLimitMs);
  await timeline.runUntil(Promise.all(fleet.nodes.map((node) => fleet.startNode(node))), startLimitMs);
  const {platform, resolver} = fleet.clientProcess(machine, {certname: callerName});
  if (options.policies === undefined) {
    const names = ['rpcutil', ...agents({identity: 'client', index: -1, platform}).map((agent) => agent.metadata.name)];
    for (const node of fleet.nodes)
      for (const name of names) node.host.disk.put(`/etc/choria/policies/${name}.policy`, allowCaller, 0o644);
  }
  const config = await timeline.runUntil(
    loadConfig({platform, mode: 'user', path: '/etc/choria/choria.conf'}),
    startLimitMs,
  );
  return new SimulatedFleet({timeline, fleet, client: createClient({config, platform, resolver})});
}

/** @see startSimulatedFleet */
export class SimulatedFleet {
  /** Of a caller with all rights, unless policies were given. */
  readonly client: FleetClient;
  readonly #timeline: Timeline;
  readonly #fleet: SimFleet;

  constructor(parts: {readonly timeline: Timeline; readonly fleet: SimFleet; readonly client: FleetClient}) {
    this.client = parts.client;
    this.#timeline = parts.timeline;
    this.#fleet = parts.fleet;
  }

  /** Milliseconds of simulated time since the start. */
  get nowMs(): number {
    return this.#timeline.nowMs;
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    await this.#timeline.run(this.#timeline.nowMs + ms);
  }

  /** Lets time pass until the promise has settled; an hour of simulated time at most. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.#timeline.runUntil(promise, this.#timeline.nowMs + runLimitMs);
  }

  /** Nothing passes between the node and the broker until `heal`. */
  cut(identity: string): void {
    const {name} = this.#node(identity).host;
    this.#fleet.network.cut(name, brokerHost);
    this.#fleet.network.cut(brokerHost, name);
  }

  heal(identity: string): void {
    const {name} = this.#node(identity).host;
    this.#fleet.network.heal(name, brokerHost);
    this.#fleet.network.heal(brokerHost, name);
  }

  /** As kill -9, or with `powerCut` as pulling the plug. */
  kill(identity: string, options: {readonly powerCut?: boolean} = {}): void {
    this.#fleet.kill(this.#node(identity), options);
  }

  async restart(identity: string): Promise<void> {
    await this.run(this.#fleet.startNode(this.#node(identity)));
  }

  /** As SIGSTOP and SIGCONT. */
  pause(identity: string): void {
    this.#node(identity).process?.pause();
  }

  resume(identity: string): void {
    this.#node(identity).process?.resume();
  }

  /** Makes a node's wall clock differ by this much. */
  skewClock(identity: string, offsetMs: number): void {
    this.#node(identity).host.clockOffsetMs = offsetMs;
  }

  /** How long each operation of a node's disk takes at most. */
  slowDisk(identity: string, options: {readonly maxMs: number}): void {
    this.#node(identity).host.diskDelayMs = options.maxMs;
  }

  fillDisk(identity: string, options: {readonly isFull: boolean}): void {
    this.#node(identity).host.disk.isFull = options.isFull;
  }

  killBroker(): void {
    this.#fleet.kill(this.#fleet.broker);
  }

  async restartBroker(): Promise<void> {
    await this.run(this.#fleet.startBroker());
  }

  /** The text of a file on a node's disk; undefined when there is none. */
  readFile(identity: string, path: string): string | undefined {
    return this.#node(identity).host.disk.text(path);
  }

  #node(identity: string): NodeMachine {
    const node = this.#fleet.nodes.find((item) => item.identity === identity);
    if (node === undefined) {
      throw new RangeError(
        `There is no simulated node "${identity}": expected one of ${this.#fleet.nodes.map((item) => item.identity).join(', ')}`,
      );
    }
    return node;
  }
}
