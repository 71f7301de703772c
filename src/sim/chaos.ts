/**
 * What goes wrong in a simulation, drawn from the seed: each fault begins, lasts, and is mended.
 */
import {brokerHost, type SimFleet, type SimMachine} from './fleet.ts';
import type {History} from './history.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

interface Fault {
  readonly name: string;
  /** How often it is drawn, against the others. */
  readonly weight: number;
  /** Begins it; gives back what mends it, and a text for the history. */
  begin(): {readonly text: string; readonly mend: () => void};
}

const gapMs = {low: 4_000, high: 25_000} as const;
const lengthMs = {low: 1_000, high: 40_000} as const;

export class Chaos {
  readonly #fleet: SimFleet;
  readonly #timeline: Timeline;
  readonly #random: SimRandom;
  readonly #history: History;
  readonly #faults: readonly Fault[];
  readonly #onPowerCut: (host: string) => void;
  readonly #mending = new Set<() => void>();
  #count = 0;
  #stopped = false;

  constructor(options: {
    readonly fleet: SimFleet;
    readonly timeline: Timeline;
    readonly random: SimRandom;
    readonly history: History;
    readonly onPowerCut: (host: string) => void;
  }) {
    this.#fleet = options.fleet;
    this.#timeline = options.timeline;
    this.#random = options.random;
    this.#history = options.history;
    this.#onPowerCut = options.onPowerCut;
    this.#faults = this.#list();
  }

  /** Faults that have begun. */
  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#timeline.after(this.#random.integer(gapMs.low, gapMs.high), () => {
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
    const total = this.#faults.reduce((sum, fault) => sum + fault.weight, 0);
    let at = this.#random.float() * total;
    const fault = this.#faults.find((item) => (at -= item.weight) < 0);
    if (fault === undefined) return;
    const {text, mend} = fault.begin();
    this.#count += 1;
    this.#history.add(this.#timeline.nowMs, {kind: 'fault', text: `${fault.name} ${text}`});
    const mendOnce = (): void => {
      if (!this.#mending.delete(mendOnce)) return;
      this.#history.add(this.#timeline.nowMs, {kind: 'mended', text: `${fault.name} ${text}`});
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
      started.catch((error: unknown) =>
        this.#history.add(this.#timeline.nowMs, {
          kind: 'start',
          text: `${machine.host.name} did not start: ${String(error).split('\n')[0] ?? ''}`,
        }),
      );
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
