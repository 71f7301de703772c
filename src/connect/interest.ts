/** Asks the broker who listens. Only our brokers know; with others the caller has to find out by asking the fleet. */
import {
  decodeInterestAnswer,
  encodeInterestQuery,
  type InterestAnswer,
  type InterestQuery,
  interestSubject,
  ProtocolError,
} from '../protocol/index.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import type {Connection} from './types.ts';

/**
 * What the broker knows of the servers behind it, or undefined when it does not say: a broker without this service (it reports at once that
 * nobody listens), one that refuses, or one that is silent for `timeoutMs`.
 *
 * @throws {ProtocolError} `ERR_SCHEMA` for a question that cannot be asked
 * @throws the signal's reason when it is aborted; {ConnectError} when the connection is closed
 * @see docs/design/interest-service.md
 * @example
 * const known = await queryInterest(connection, {collective: 'mcollective', agents: ['rpcutil'], list: true});
 * known?.identities; // ['n1.example.net', 'n2.example.net']
 */
export async function queryInterest(
  connection: Pick<Connection, 'request'>,
  query: InterestQuery,
  options: {readonly timeoutMs?: number; readonly signal?: AbortSignal} = {},
): Promise<InterestAnswer | undefined> {
  const question = encodeInterestQuery(query.list === true ? {...query, packs: true} : query);
  const {timeoutMs = connectLimits.interestTimeoutMs, signal} = options;
  try {
    const {payload} = await connection.request(interestSubject, question, {
      timeoutMs,
      ...(signal === undefined ? {} : {signal}),
    });
    const answer = decodeInterestAnswer(payload);
    return answer.collective === query.collective ? answer : undefined;
  } catch (error) {
    // Somebody else's answer, or a word that the service could not: as good as none.
    if (error instanceof ProtocolError) return undefined;
    if (error instanceof ConnectError && hasNoService.has(error.code)) return undefined;
    throw error;
  }
}

const hasNoService: ReadonlySet<string> = new Set(['ERR_NO_RESPONDERS', 'ERR_REQUEST_TIMEOUT', 'ERR_PERMISSION']);
