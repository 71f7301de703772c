/**
 * Simulated time: what is due next happens next, and between two events every promise that can go on goes on.
 *
 * Nothing here waits for real time. `run` steps from event to event; one turn of Node's event loop between them lets promises settle,
 * which is enough because simulated code waits for nothing but simulated events.
 */
export interface Due {
  cancel(): void;
}

interface Entry {
  readonly atMs: number;
  readonly sequence: number;
  callback: (() => void) | undefined;
}

export class Timeline {
  #nowMs = 0;
  #sequence = 0;
  #events = 0;
  readonly #heap: Entry[] = [];
  readonly #onStep: (() => void) | undefined;

  /** Turns of Node's event loop between two events: real TLS goes through several before it is quiet. */
  turns = 1;

  /** @param onStep  called after each event, when everything that could go on has gone on */
  constructor(onStep?: () => void) {
    this.#onStep = onStep;
  }

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** How many wait, cancelled ones included until their time. */
  get waiting(): number {
    return this.#heap.length;
  }

  at(atMs: number, callback: () => void): Due {
    const entry: Entry = {atMs: Math.max(atMs, this.#nowMs), sequence: this.#sequence++, callback};
    this.#push(entry);
    return {
      cancel: () => {
        entry.callback = undefined;
      },
    };
  }

  after(delayMs: number, callback: () => void): Due {
    return this.at(this.#nowMs + Math.max(0, delayMs), callback);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Runs until `untilMs` has come or `isOver` says so; checked after every event. */
  async run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    await this.#settle();
    while (!isOver()) {
      const entry = this.#heap[0];
      if (entry === undefined || entry.atMs > untilMs) break;
      this.#pop();
      if (entry.callback === undefined) continue;
      this.#nowMs = entry.atMs;
      this.#events += 1;
      entry.callback();
      await this.#settle();
      this.#onStep?.();
    }
    if (!isOver()) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Runs until the promise has settled; gives up at `untilMs`. */
  async runUntil<T>(promise: Promise<T>, untilMs: number): Promise<T> {
    let outcome: {readonly value: T} | {readonly error: unknown} | undefined;
    promise.then(
      (value) => (outcome = {value}),
      (error: unknown) => (outcome = {error}),
    );
    await this.run(untilMs, () => outcome !== undefined);
    if (outcome === undefined) throw new Error(`Nothing came of it by ${untilMs} ms of simulated time`);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < this.turns; turn++) await settle();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let smaller = left;
      if (right !== undefined && isBefore(right, left)) {
        smaller = right;
        child += 1;
      }
      if (isBefore(last, smaller)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence);
}

/** Lets every promise that can go on go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
