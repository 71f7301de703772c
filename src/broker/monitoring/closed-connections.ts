/** The connections that ended, the newest last; as many as nats-server keeps. */
import {engineLimits} from '../limits.ts';

/** A row of the document of connections. */
export interface ConnectionDocument {
  readonly cid: number;
  readonly [field: string]: unknown;
}

/** A row of the lists of subscriptions. */
export interface SubscriptionDocument {
  readonly subject: string;
  readonly [field: string]: unknown;
}

export interface ClosedConnection {
  readonly document: ConnectionDocument;
  readonly account: string;
  readonly user: string;
  readonly subscriptions: readonly SubscriptionDocument[];
  readonly startedAtMs: number;
  readonly lastActivityMs: number;
  readonly stoppedAtMs: number;
  readonly roundTripMs: number;
}

export class ClosedConnections {
  readonly #ring: ClosedConnection[] = [];
  #next = 0;

  add(connection: ClosedConnection): void {
    if (this.#ring.length < engineLimits.closedConnectionsMax) {
      this.#ring.push(connection);
      return;
    }
    this.#ring[this.#next] = connection;
    this.#next = (this.#next + 1) % this.#ring.length;
  }

  get size(): number {
    return this.#ring.length;
  }

  all(): readonly ClosedConnection[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}
