/**
 * The clock of one kind of registration data: a first wait, then once in each interval, or when its size changed by enough.
 *
 * Each kind has its own, so that two kinds never keep each other from being published.
 */
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Clock, Random, TimerHandle} from '../../lib/platform.ts';
import {serverLimits} from '../limits.ts';
import type {RegistrationContent} from './content.ts';

export interface RegistrationTiming {
  readonly intervalMs: number;
  /** Waits a random part of the interval first. */
  readonly hasSplay: boolean;
  /** Bytes by which the body must differ from the last one to be published before the interval is over; 0 for never. */
  readonly sizeTriggerBytes: number;
  /** How often the size is looked at. */
  readonly sizeIntervalMs: number;
}

export interface Registrator {
  /** Resolves when nothing more will be published. */
  stop(): Promise<void>;
}

export function startRegistrator(options: {
  readonly name: string;
  readonly content: RegistrationContent;
  readonly publish: (body: Buffer) => Promise<void>;
  readonly isConnected: () => boolean;
  readonly timing: RegistrationTiming;
  readonly clock: Clock;
  readonly random: Pick<Random, 'float'>;
  readonly logger: Logger;
}): Registrator {
  const {name, content, timing, clock, random, logger} = options;
  const hasTrigger = timing.sizeTriggerBytes > 0;
  const pollMs = hasTrigger ? Math.min(timing.sizeIntervalMs, timing.intervalMs) : timing.intervalMs;
  let timer: TimerHandle | undefined;
  let turn: Promise<void> = Promise.resolve();
  let isStopped = false;
  let logged = '';
  let last: {readonly bytes: number; readonly atMs: number} | undefined;

  const isDue = (bytes: number, nowMs: number): boolean =>
    !hasTrigger ||
    last === undefined ||
    Math.abs(bytes - last.bytes) >= timing.sizeTriggerBytes ||
    nowMs - last.atMs >= timing.intervalMs;

  const publishDue = async (): Promise<void> => {
    if (!options.isConnected()) return;
    const nowMs = clock.monotonicMs();
    try {
      const body = await content.read();
      if (isDue(body.length, nowMs) && !isStopped) {
        await options.publish(body);
        last = {bytes: body.length, atMs: nowMs};
      }
      logged = '';
    } catch (error) {
      const problem = errorMessage(error);
      // Once for each cause: the next turn finds the same.
      if (problem !== logged) logger.error(`Could not publish the registration data of ${name}: ${problem}`);
      logged = problem;
    }
  };
  const wait = (delayMs: number): void => {
    timer = clock.setTimer(
      () => {
        turn = publishDue().then(() => {
          if (!isStopped) wait(pollMs);
        });
      },
      delayMs,
      {background: true},
    );
  };

  const {registrationFirstWaitMsMin: min, registrationFirstWaitMsMax: max} = serverLimits;
  const splayMs = timing.hasSplay ? random.float() * timing.intervalMs : 0;
  wait(splayMs + min + random.float() * (max - min));
  return {
    async stop() {
      isStopped = true;
      timer?.cancel();
      await turn;
    },
  };
}
