/**
 * Connections whose messages may arrive twice, the second time later and out of order, as over links between brokers that lost an
 * acknowledgement; and a tape of what was published, for whoever wants to send it again.
 */
import type {Connection, MiddlewareMessage, PublishOptions} from '../connect/index.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';
import type {ProcessView} from './types.ts';

const laterMsMax = 5_000;

/** The same connection with some of its methods replaced. */
function replacing(connection: Connection, methods: Partial<Connection>): Connection {
  return new Proxy(connection, {
    get: (target, property) => {
      if (Object.hasOwn(methods, property)) return Reflect.get(methods, property) as unknown;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** @param options.chance  asked for each message that arrives */
export function doubling(
  connection: Connection,
  options: {
    readonly timeline: Timeline;
    readonly random: SimRandom;
    readonly process: ProcessView;
    readonly chance: () => number;
  },
): Connection {
  const {timeline, random, process, chance} = options;
  return replacing(connection, {
    subscribe: (subject, handler, subscribing) => {
      let isOver = false;
      const twice = (message: MiddlewareMessage): void => {
        handler(message);
        if (chance() === 0 || !random.chance(chance())) return;
        timeline.after(random.float() * laterMsMax, () =>
          process.whenRunning(() => {
            if (!isOver) handler(message);
          }),
        );
      };
      const subscription = connection.subscribe(subject, twice, subscribing);
      return {
        subject: subscription.subject,
        unsubscribe: () => {
          isOver = true;
          subscription.unsubscribe();
        },
      };
    },
  });
}

/** A request as it went over the wire. */
export interface Recording {
  readonly subject: string;
  readonly payload: Buffer;
}

const recordingsMax = 200;

/** A tape of what one connection published; the hostile caller's treasure. */
export class Tape {
  readonly #recordings: Recording[] = [];

  get recordings(): readonly Recording[] {
    return this.#recordings;
  }

  /** The connection, with what it publishes to nodes kept. */
  record(connection: Connection): Connection {
    const publish = (subject: string, payload: Uint8Array, options?: PublishOptions): void => {
      if (/\.(node|broadcast)\./.test(subject)) {
        this.#recordings.push({subject, payload: Buffer.from(payload)});
        if (this.#recordings.length > recordingsMax) this.#recordings.shift();
      }
      connection.publish(subject, payload, options);
    };
    return replacing(connection, {publish});
  }
}
