/**
 * Makes the standard streams, and brings those that are there to what the settings say.
 *
 * Tried until it works: a cluster answers "temporarily unavailable" until it has a leader, and in a cluster several brokers may do this at once, which changes
 * nothing because each asks for the same.
 */
import type {Connection} from '../../connect/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import {type Clock, sleep} from '../../lib/platform.ts';
import {defaultStreams, type StreamWire} from './default-streams.ts';
import {SupervisedError} from './errors.ts';
import {supervisedLimits} from './limits.ts';
import {jsonMembers, membersOf} from './server-messages.ts';
import type {StreamRules} from './settings.ts';

type Requester = Pick<Connection, 'request'>;

/** Stream names that are in use already: somebody else was faster. */
const nameInUse = 10_058;
const notFound = 10_059;

export interface StreamApiFailure {
  readonly code: number;
  readonly description: string;
}

/**
 * One request of the streams' API.
 *
 * @returns the members of the answer, or what the server says against it
 * @throws {ConnectError} when there is no answer
 */
export async function requestStreams(
  connection: Requester,
  operation: string,
  body?: object,
): Promise<{readonly answer: ReadonlyMap<string, unknown>; readonly failure: StreamApiFailure | undefined}> {
  const payload = Buffer.from(body === undefined ? '' : JSON.stringify(body), 'utf8');
  const reply = await connection.request(`$JS.API.${operation}`, payload, {
    timeoutMs: supervisedLimits.streamRequestMs,
  });
  const answer = jsonMembers(reply.payload);
  const error = membersOf(answer.get('error'));
  const code = error.get('err_code');
  const description = error.get('description');
  if (error.size === 0) return {answer, failure: undefined};
  return {
    answer,
    failure: {
      code: typeof code === 'number' ? code : 0,
      description: typeof description === 'string' ? description : 'no reason given',
    },
  };
}

/** @throws {SupervisedError} `ERR_STREAM_API` with the server's words */
export async function ensureStream(connection: Requester, stream: StreamWire): Promise<'created' | 'updated'> {
  const update = await requestStreams(connection, `STREAM.UPDATE.${stream.name}`, stream);
  if (update.failure === undefined) return 'updated';
  if (update.failure.code !== notFound) throw refused(stream, update.failure);
  const create = await requestStreams(connection, `STREAM.CREATE.${stream.name}`, stream);
  if (create.failure === undefined || create.failure.code === nameInUse) return 'created';
  throw refused(stream, create.failure);
}

function refused({name}: StreamWire, {description, code}: StreamApiFailure): SupervisedError {
  return new SupervisedError('ERR_STREAM_API', `Cannot set up the stream "${name}": ${description} (${code})`, {
    details: {name, code},
  });
}

/** Ends when all are there, or with the signal. A stream that fails keeps the others from nothing. */
export async function manageStreams(
  connection: Requester,
  options: {readonly rules: StreamRules; readonly clock: Clock; readonly logger: Logger; readonly signal: AbortSignal},
): Promise<void> {
  const {rules, clock, logger, signal} = options;
  let left = defaultStreams(rules);
  let waitMs: number = supervisedLimits.streamRetryMsMin;
  const said = new Set<string>();
  while (left.length > 0 && !signal.aborted) {
    const failed: StreamWire[] = [];
    for (const stream of left) {
      try {
        const done = await ensureStream(connection, stream);
        if (done === 'created') logger.info(`Created the stream ${stream.name}`);
      } catch (error) {
        if (signal.aborted) return;
        failed.push(stream);
        const message = errorMessage(error);
        if (!said.has(message)) logger.warn(`${message}: trying again`);
        said.add(message);
      }
    }
    left = failed;
    if (left.length === 0) return;
    try {
      await sleep(clock, waitMs, {signal});
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    waitMs = Math.min(waitMs * 2, supervisedLimits.streamRetryMsMax);
  }
}
