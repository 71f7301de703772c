/**
 * What happened, in order: the same seed gives the same history, and its hash says so in one line.
 *
 * Only facts that depend on the seed go in: no keys, no signatures, no real times.
 */
import {createHash} from 'node:crypto';

export interface HistoryEvent {
  readonly atMs: number;
  readonly kind: string;
  readonly text: string;
}

export class History {
  readonly #hash = createHash('sha256');
  readonly #kept: HistoryEvent[] = [];
  readonly #onEvent: ((event: HistoryEvent) => void) | undefined;
  #count = 0;

  /** @param onEvent  told of each event as it happens, for a trace */
  constructor(onEvent?: (event: HistoryEvent) => void) {
    this.#onEvent = onEvent;
  }

  get count(): number {
    return this.#count;
  }

  /** The last events, for the report of a failure. */
  get last(): readonly HistoryEvent[] {
    return this.#kept;
  }

  add(atMs: number, event: {readonly kind: string; readonly text: string}): void {
    const entry = {atMs: Math.round(atMs * 1000) / 1000, ...event};
    this.#hash.update(`${entry.atMs} ${entry.kind} ${entry.text}\n`);
    this.#count += 1;
    this.#kept.push(entry);
    if (this.#kept.length > lastEventsKept) this.#kept.shift();
    this.#onEvent?.(entry);
  }

  /** Hex SHA-256 of everything so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

const lastEventsKept = 60;

/** One line for people. */
export function formatEvent(event: HistoryEvent): string {
  return `${(event.atMs / 1000).toFixed(3).padStart(10)} s  ${event.kind.padEnd(10)} ${event.text}`;
}
