/**
 * What goes wrong in a simulation, drawn from the seed: each fault begins, lasts, and is mended.
 */
import {auditPath, brokerHost, type NodeMachine, type SimFleet, type SimMachine, stateDirectory} from './fleet.ts';
import type {History} from './history.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

export type FaultName =
  | 'kill'
  | 'power-cut'
  | 'power-cut-at-run'
  | 'kill-broker'
  | 'broker-power-cut'
  | 'kill-provisioner'
  | 'pause'
  | 'partition'
  | 'half-open'
  | 'asymmetric'
  | 'bad-network'
  | 'flipped-network'
  | 'doubles'
  | 'clock'
  | 'disk-full'
  | 'slow-disk'
  | 'flipped-disk';

interface Fault {
  readonly name: FaultName;
  /** How often it is drawn, against the others. */
  readonly weight: number;
  /** Begins it; gives back what mends it, and a text for the history. */
  begin(): {readonly text: string; readonly mend: () => void};
}

const gapMs = {low: 4_000, high: 25_000} as const;
const lengthMs = {low: 1_000, high: 40_000} as const;
/** How soon after an action began the power goes. */
const afterRunMs = {low: 0, high: 40} as const;

/** What a fault did that the checkers must know. */
export interface Damage {
  /** What was written last on this host may be gone. */
  powerCut(host: string): void;
  /** This file of this host is not what was written. */
  flipped(host: string, path: string): void;
  /** This host's wall clock jumped; how far it is ahead now, in ms. */
  clockChanged(host: string, aheadMs: number): void;
  /** This host's programs did not run for a while. */
  paused(host: string): void;
  /** Connections were lost of which one end may not know for minutes. */
  halfOpen(): void;
}

export class Chaos {
  readonly #fleet: SimFleet;
  readonly #timeline: Timeline;
  readonly #seed: SimRandom;
  readonly #gaps: SimRandom;
  /** Of the fault that is being made. */
  #random: SimRandom;
  readonly #history: History;
  readonly #faults: readonly Fault[];
  readonly #damage: Damage;
  readonly #without: ReadonlySet<number>;
  readonly #mending = new Set<() => void>();
  /** Wait for the next action that begins. */
  #ambushes: ((node: NodeMachine) => void)[] = [];
  #count = 0;
  #drawn = 0;
  #stopped = false;

  constructor(options: {
    readonly fleet: SimFleet;
    readonly timeline: Timeline;
    readonly random: SimRandom;
    readonly history: History;
    readonly damage: Damage;
    /** Only these kinds. */
    readonly only?: readonly FaultName[];
    /** Numbers of faults that are drawn and not begun. */
    readonly without?: ReadonlySet<number>;
  }) {
    this.#fleet = options.fleet;
    this.#timeline = options.timeline;
    this.#seed = options.random;
    this.#gaps = options.random.fork('gaps');
    this.#random = this.#gaps;
    this.#history = options.history;
    this.#damage = options.damage;
    const {only} = options;
    this.#faults = this.#list().filter((fault) => only === undefined || only.includes(fault.name));
    this.#without = options.without ?? new Set();
  }

  /** Faults that were drawn, begun or left out. */
  get drawn(): number {
    return this.#drawn;
  }

  /** Faults that have begun. */
  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#timeline.after(this.#gaps.integer(gapMs.low, gapMs.high), () => {
      if (this.#stopped) return;
      this.#beginOne();
      this.start();
    });
  }

  /** An action has begun. */
  ran(identity: string): void {
    const node = this.#fleet.nodes.find((item) => item.identity === identity);
    const ambush = node === undefined ? undefined : this.#ambushes.shift();
    if (node !== undefined) ambush?.(node);
  }

  /** Mends everything that is broken and breaks nothing more. */
  stop(): void {
    this.#stopped = true;
    for (const mend of this.#mending) mend();
  }

  #beginOne(): void {
    // Each fault draws from a stream of its own, so that leaving one out does not change the others.
    const number = this.#drawn++;
    this.#random = this.#seed.fork(`fault-${number}`);
    const total = this.#faults.reduce((sum, fault) => sum + fault.weight, 0);
    let at = this.#random.float() * total;
    const fault = this.#faults.find((item) => (at -= item.weight) < 0);
    if (fault === undefined || this.#without.has(number)) return;
    const {text, mend} = fault.begin();
    this.#count += 1;
    this.#history.add(this.#timeline.nowMs, {kind: 'fault', text: `${number} ${fault.name} ${text}`});
    const mendOnce = (): void => {
      if (!this.#mending.delete(mendOnce)) return;
      this.#history.add(this.#timeline.nowMs, {kind: 'mended', text: `${number} ${fault.name} ${text}`});
      mend();
    };
    this.#mending.add(mendOnce);
    this.#timeline.after(this.#random.integer(lengthMs.low, lengthMs.high), mendOnce);
  }

  #list(): readonly Fault[] {
    const fleet = this.#fleet;
    const anyNode = () => this.#random.pick(fleet.nodes);
    const someNodes = () => fleet.nodes.filter(() => this.#random.chance(0.3));
    const stopped = (machine: SimMachine, powerCut: boolean) => {
      fleet.kill(machine, {powerCut});
      if (powerCut) this.#damage.powerCut(machine.host.name);
      return {text: machine.host.name, mend: () => fleet.restart(machine)};
    };
    return [
      {name: 'kill', weight: 4, begin: () => stopped(anyNode(), false)},
      {name: 'power-cut', weight: 2, begin: () => stopped(anyNode(), true)},
      {name: 'power-cut-at-run', weight: 4, begin: () => this.#ambush()},
      {name: 'kill-broker', weight: 2, begin: () => stopped(fleet.broker, false)},
      {
        name: 'broker-power-cut',
        weight: 1,
        begin: () => {
          this.#damage.halfOpen();
          return stopped(fleet.broker, true);
        },
      },
      {
        name: 'kill-provisioner',
        weight: 1,
        begin: () =>
          fleet.provisioner === undefined
            ? {text: 'nobody', mend: () => undefined}
            : stopped(fleet.provisioner, this.#random.chance(0.5)),
      },
      {
        name: 'pause',
        weight: 2,
        begin: () => {
          const node = anyNode();
          const {process} = node;
          process?.pause();
          const resume = (): void => {
            this.#damage.paused(node.identity);
            process?.resume();
          };
          return {text: node.identity, mend: resume};
        },
      },
      {
        name: 'partition',
        weight: 3,
        begin: () => {
          const hosts = someNodes().map((node) => node.host.name);
          const cuts = hosts.flatMap((host) => {
            const ways = [`${host} ${brokerHost}`, `${brokerHost} ${host}`];
            // Some links work in one direction only.
            return this.#random.chance(0.3) ? [this.#random.pick(ways)] : ways;
          });
          const each = (act: (from: string, to: string) => void): void => {
            for (const cut of cuts) act(cut.split(' ')[0] ?? '', cut.split(' ')[1] ?? '');
          };
          each((from, to) => fleet.network.cut(from, to));
          return {text: `${hosts.length} nodes`, mend: () => each((from, to) => fleet.network.heal(from, to))};
        },
      },
      {
        name: 'half-open',
        weight: 2,
        begin: () => {
          const hosts = someNodes().map((node) => node.host.name);
          const lost = hosts.reduce((sum, host) => sum + fleet.network.forgetConnectionsOf(host), 0);
          if (lost > 0) this.#damage.halfOpen();
          return {text: `${lost} connections forgotten`, mend: () => undefined};
        },
      },
      {
        name: 'asymmetric',
        weight: 2,
        begin: () => {
          const hosts = someNodes().map((node) => node.host.name);
          const conditions = {
            latencyMs: this.#random.integer(500, 3_000),
            jitterMs: this.#random.integer(0, 500),
            loss: this.#random.float() * 0.3,
          };
          const isUp = this.#random.chance(0.5);
          const each = (given: typeof conditions | undefined): void => {
            for (const host of hosts)
              fleet.network.setDirection(isUp ? host : brokerHost, isUp ? brokerHost : host, given);
          };
          each(conditions);
          return {text: `${hosts.length} nodes ${isUp ? 'up' : 'down'}`, mend: () => each(undefined)};
        },
      },
      {
        name: 'flipped-network',
        weight: 1,
        begin: () => {
          fleet.network.setConditions({flip: 0.002 + this.#random.float() * 0.02});
          return {text: 'everywhere', mend: () => fleet.network.setConditions({})};
        },
      },
      {
        name: 'doubles',
        weight: 2,
        begin: () => {
          fleet.doubles = 0.1 + this.#random.float() * 0.6;
          return {text: 'everywhere', mend: () => (fleet.doubles = 0)};
        },
      },
      {
        name: 'bad-network',
        weight: 2,
        begin: () => {
          fleet.network.setConditions({
            latencyMs: this.#random.integer(1, 400),
            jitterMs: this.#random.integer(0, 200),
            loss: this.#random.float() * 0.3,
            split: 0.4,
          });
          return {text: 'everywhere', mend: () => fleet.network.setConditions({})};
        },
      },
      {
        name: 'clock',
        weight: 2,
        begin: () => {
          const {host} = anyNode();
          const offsetMs = this.#random.pick([-3_600_000, -61_000, -59_000, -1_000, 1_000, 59_000, 61_000, 3_600_000]);
          const move = (ms: number): void => {
            host.clockOffsetMs += ms;
            this.#damage.clockChanged(host.name, host.clockOffsetMs);
          };
          move(offsetMs);
          return {text: `${host.name} ${offsetMs} ms`, mend: () => move(-offsetMs)};
        },
      },
      {
        name: 'disk-full',
        weight: 2,
        begin: () => {
          const {host} = anyNode();
          host.disk.isFull = true;
          return {text: host.name, mend: () => (host.disk.isFull = false)};
        },
      },
      {
        name: 'slow-disk',
        weight: 1,
        begin: () => {
          const {host} = anyNode();
          const before = host.diskDelayMs;
          host.diskDelayMs = this.#random.integer(50, 2_000);
          return {text: host.name, mend: () => (host.diskDelayMs = before)};
        },
      },
      {name: 'flipped-disk', weight: 2, begin: () => this.#flip(anyNode())},
    ];
  }

  /** Cuts the power of the node that begins an action next, so soon that what was not synced before is lost. */
  #ambush(): ReturnType<Fault['begin']> {
    const delayMs = this.#random.integer(afterRunMs.low, afterRunMs.high);
    let cut: NodeMachine | undefined;
    const strike = (node: NodeMachine): void => {
      this.#timeline.after(delayMs, () => {
        if (this.#stopped) return;
        cut = node;
        this.#history.add(this.#timeline.nowMs, {kind: 'cut', text: node.identity});
        this.#fleet.kill(node, {powerCut: true});
        this.#damage.powerCut(node.identity);
        // Back so soon that the request still lives.
        this.#timeline.after(2_000, () => this.#fleet.restart(node));
      });
    };
    this.#ambushes.push(strike);
    const mend = (): void => {
      this.#ambushes = this.#ambushes.filter((item) => item !== strike);
      if (cut !== undefined) this.#fleet.restart(cut);
    };
    return {text: `after ${delayMs} ms`, mend};
  }

  /** Bits change in what a node has written; its program ends, so that the next one reads them. */
  #flip(node: NodeMachine): ReturnType<Fault['begin']> {
    const {disk} = node.host;
    const paths = [...disk.paths(stateDirectory), ...disk.paths('/var/spool/choria'), auditPath];
    const path = this.#random.pick(paths);
    let flips = 0;
    for (let times = this.#random.integer(1, 3); times > 0; times--) flips += disk.flipBit(path) ? 1 : 0;
    if (flips > 0) this.#damage.flipped(node.identity, path);
    this.#fleet.kill(node);
    return {
      text: `${node.identity} ${path.split('/').at(-2) ?? ''} ${flips} bits`,
      mend: () => this.#fleet.restart(node),
    };
  }
}
