/** Listens to what nodes say of themselves at intervals. */
import type {Connection} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {openTransport} from '../protocol/index.ts';
import type {Checks} from './checks.ts';
import type {Timeline} from './timeline.ts';

export interface RegistrationsOptions {
  readonly timeline: Timeline;
  readonly checks: Checks;
  readonly connection: Connection;
  readonly identities: ReadonlySet<string>;
}

export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #lastMs = new Map<string, number>();
  #count = 0;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#options.connection.subscribe('mcollective.broadcast.agent.registration', ({payload}) => this.#hear(payload));
  }

  /** Nodes that have not registered since then. */
  silentSince(atMs: number): readonly string[] {
    return [...this.#options.identities].filter((identity) => (this.#lastMs.get(identity) ?? -1) < atMs);
  }

  #hear(payload: Buffer): void {
    const {timeline, checks, identities} = this.#options;
    let sender: string | undefined;
    let problem = '';
    try {
      sender = openTransport(payload).senderId;
    } catch (error) {
      problem = errorMessage(error);
    }
    checks.hold(sender !== undefined && identities.has(sender), {
      rule: 'only nodes register',
      text: sender === undefined ? problem : `${sender} registered`,
    });
    this.#count += 1;
    if (sender !== undefined) this.#lastMs.set(sender, timeline.nowMs);
  }
}
