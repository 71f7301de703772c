/** One line for each lifecycle event, until an interrupt (cli.md 3.7, server.md 9). */
import {type LifecycleEvent, parseLifecycleEvent} from '../../events/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {isGiven, textFlag, withClient} from './network.ts';

const connectTimeoutMs = 30_000;
const token = /^[^\s.*>]+$/;

export async function runToolEvent(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout, signal, platform} = context;
  const subject = eventSubject(textFlag(parsed, 'type'), textFlag(parsed, 'component'));
  return withClient(context, parsed, async ({client, logger}) => {
    const connection = await client.connection({timeoutMs: connectTimeoutMs, signal});
    const subscription = connection.subscribe(subject, ({payload}) => {
      try {
        const text = isGiven(parsed, 'debug')
          ? payload.toString('utf8')
          : eventText(parseLifecycleEvent(payload).event);
        stdout.write(`${timeOfDay(platform.clock.nowMs())} ${inertLine(text)}\n`);
      } catch (error) {
        logger.warn(`Ignored a message on ${subject} that is no event: ${errorMessage(error)}`);
      }
    });
    // Whoever reads this line may count on every event from now on.
    await connection.flush({timeoutMs: connectTimeoutMs});
    stdout.write(`Waiting for events from topic ${subject} on ${connection.connectedServer ?? 'no broker'}\n`);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), {once: true});
      if (signal.aborted) resolve();
    });
    subscription.unsubscribe();
    return 0;
  });
}

function eventSubject(type: string | undefined, component: string | undefined): string {
  const prefix = 'choria.lifecycle.event';
  if (component === undefined) return `${prefix}.${type === undefined ? '>' : `${type}.>`}`;
  if (!token.test(component)) {
    throw new CliError(
      'ERR_CLI_FAILED',
      `Cannot watch the component "${component}": expected a name without dots and stars`,
    );
  }
  return `${prefix}.${type ?? '*'}.${component}`;
}

/** Of this machine's day, as the clock on the wall says. */
function timeOfDay(nowMs: number): string {
  const time = new Date(nowMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** @example eventText(event) // '[startup] dev1.example.net: server version 1.2.3' */
export function eventText(event: LifecycleEvent): string {
  const start = `[${event.type}] ${event.identity}:`;
  switch (event.type) {
    case 'startup':
    case 'alive':
      return `${start} ${event.component} version ${event.version}`;
    case 'shutdown':
    case 'provisioned':
      return `${start} ${event.component}`;
    case 'upgraded':
      return `${start} ${event.component} version ${event.version} to ${event.newVersion}`;
    case 'governor':
      return `${start} ${governorText(event)}`;
  }
}

function governorText({governor, sequence, eventType}: Extract<LifecycleEvent, {type: 'governor'}>): string {
  const slot = sequence === 0 ? 'slot' : `slot ${sequence}`;
  switch (eventType) {
    case 'enter':
      return `obtained ${slot} on ${governor}`;
    case 'exit':
      return `vacated ${slot} on ${governor}`;
    case 'timeouts':
      return `failed to obtain a slot on ${governor}`;
    case 'eviction':
      return `evicted from ${slot} on ${governor}`;
    default:
      return `${eventType} on ${governor}`;
  }
}
