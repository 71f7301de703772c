/**
 * What goes wrong in a simulation, drawn from the seed: each fault begins, lasts, and is mended.
 */
import {brokerHost, type SimFleet, type SimMachine} from './fleet.ts';
import type {History} from './history.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

export type FaultName =
  | 'kill'
  | 'power-cut'
  | 'kill-broker'
  | 'pause'
  | 'partition'
  | 'bad-network'
  | 'clock'
  | 'disk-full'
  | 'slow-disk';

interface Fault {
  readonly name: FaultName;
  /** How often it is drawn, against the others. */
  readonly weight: number;
  /** Begins it; gives back what mends it, and a text for the history. */
  begin(): {readonly text: string; readonly mend: () => void};
}

const gapMs = {low: 4_000, high: 25_000} as const;
/** A service that did not start is started again after this. */
const restartMs = 5_000;
const lengthMs = {low: 1_000, high: 40_000} as const;

export class Chaos {
  readonly #fleet: SimFleet;
  readonly #timeline: Timeline;
  readonly #seed: SimRandom;
  readonly #gaps: SimRandom;
  /** Of the fault that is being made. */
  #random: SimRandom;
  readonly #history: History;
  readonly #faults: readonly Fault[];
  readonly #onPowerCut: (host: string) => void;
  readonly #without: ReadonlySet<number>;
  readonly #mending = new Set<() => void>();
  #count = 0;
  #drawn = 0;
  #stopped = false;

  constructor(options: {
    readonly fleet: SimFleet;
    readonly timeline: Timeline;
    readonly random: SimRandom;
    readonly history: History;
    readonly onPowerCut: (host: string) => void;
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
    this.#onPowerCut = options.onPowerCut;
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
    const restart = (machine: SimMachine): void => {
      if (machine.process?.isAlive === true) return;
      const started =
        machine === fleet.broker ? fleet.startBroker() : fleet.startNode(machine as (typeof fleet.nodes)[number]);
      started.catch((error: unknown) => {
        const reason = String(error).split('\n')[0] ?? '';
        this.#history.add(this.#timeline.nowMs, {kind: 'start', text: `${machine.host.name} did not start: ${reason}`});
        // As a service manager does.
        this.#timeline.after(restartMs, () => restart(machine));
      });
    };
    const stopped = (machine: SimMachine, powerCut: boolean) => {
      fleet.kill(machine, {powerCut});
      if (powerCut) this.#onPowerCut(machine.host.name);
      return {text: machine.host.name, mend: () => restart(machine)};
    };
    return [
      {name: 'kill', weight: 4, begin: () => stopped(anyNode(), false)},
      {name: 'power-cut', weight: 2, begin: () => stopped(anyNode(), true)},
      {name: 'kill-broker', weight: 2, begin: () => stopped(fleet.broker, false)},
      {
        name: 'pause',
        weight: 2,
        begin: () => {
          const node = anyNode();
          const {process} = node;
          process?.pause();
          return {text: node.identity, mend: () => process?.resume()};
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
          host.clockOffsetMs += offsetMs;
          return {text: `${host.name} ${offsetMs} ms`, mend: () => (host.clockOffsetMs -= offsetMs)};
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
    ];
  }
}
