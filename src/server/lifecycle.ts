/** Publishes the lifecycle events of one server: startup, alive every half hour, shutdown. */
import type {Connection} from '../connect/index.ts';
import {encodeLifecycleEvent, eventLimits, type LifecycleEvent, lifecycleSubject} from '../events/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {newUuid} from '../lib/ids.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform, TimerHandle} from '../lib/platform.ts';
import type {ServerCounters} from './statistics.ts';

type Distributive<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** An event without what every event of this server has. */
export type ServerEvent = Distributive<LifecycleEvent, 'id' | 'identity' | 'component' | 'atMs'>;

export interface LifecyclePublisher {
  publish(event: ServerEvent): void;
  startAlive(): void;
  stop(): void;
}

export function createLifecyclePublisher(options: {
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly connection: Pick<Connection, 'publish'>;
  readonly counters: ServerCounters;
  readonly logger: Logger;
  readonly identity: string;
  readonly component: string;
  readonly version: string;
  readonly legacyFormat: boolean;
}): LifecyclePublisher {
  const {platform, connection, counters, logger} = options;
  const {clock, random} = platform;
  let timer: TimerHandle | undefined;

  const publish = (event: ServerEvent): void => {
    const complete: LifecycleEvent = {
      ...event,
      id: newUuid(random),
      identity: options.identity,
      component: options.component,
      atMs: clock.nowMs(),
    };
    try {
      const format = options.legacyFormat ? 'legacy' : 'cloudevent';
      connection.publish(lifecycleSubject(complete), encodeLifecycleEvent(complete, format));
      counters.add('events');
    } catch (error) {
      logger.warn(`Could not publish the ${event.type} event: ${errorMessage(error)}`);
    }
  };
  const alive = (): void => {
    publish({type: 'alive', version: options.version});
    timer = clock.setTimer(alive, eventLimits.aliveIntervalMs, {background: true});
  };
  return {
    publish,
    startAlive() {
      const minutes = Math.floor(random.float() * (eventLimits.aliveFirstMinutesMax + 1));
      timer = clock.setTimer(alive, minutes * 60_000, {background: true});
    },
    stop() {
      timer?.cancel();
    },
  };
}
