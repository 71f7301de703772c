/** What a node asks of a request that it opened: collective, reply address, life. Each refusal has its stage. */
import {ProtocolError} from './errors.ts';
import {protocolLimits} from './limits.ts';
import {quoteName} from './names.ts';
import {isReplySubject} from './subjects.ts';
import type {Request, Transport} from './types.ts';

/** @throws {ProtocolError} `ERR_COLLECTIVE_UNKNOWN` at stage `message` */
export function checkCollective(request: Request, collectives: readonly string[]): void {
  if (collectives.includes(request.collective)) return;
  throw new ProtocolError(
    'ERR_COLLECTIVE_UNKNOWN',
    `Cannot accept request ${quoteName(request.id)}: its collective ${quoteName(request.collective)} is not one of ${collectives.join(', ')}`,
    {stage: 'message', details: {collective: request.collective}},
  );
}

/**
 * Refuses a request whose reply would have to go to a subject that is no inbox. The address is not signed: it is checked before
 * the request runs. A request without an address is accepted, as in the reference; it can only not be answered.
 *
 * @throws {ProtocolError} `ERR_REPLY_SUBJECT_REFUSED` at stage `message`
 */
export function checkReplySubject(
  transport: Transport,
  options: {readonly collectives?: readonly string[]; readonly extraSubjects?: readonly string[]} = {},
): void {
  const {replyTo} = transport;
  if (replyTo === undefined || isReplySubject(replyTo, options)) return;
  throw new ProtocolError(
    'ERR_REPLY_SUBJECT_REFUSED',
    `Cannot accept request: its reply address ${quoteName(replyTo)} is not a reply inbox, expected one such as mcollective.reply.CALLER.REQUEST`,
    {stage: 'message', details: {replyTo}},
  );
}

export interface TtlOptions {
  readonly nowMs: number;
  /** Longer lives are cut to this. */
  readonly ttlCeilingSeconds?: number;
}

/** When a request stops being acceptable, in ms since 1970. */
export function requestExpiresAtMs(
  request: Pick<Request, 'sentAtMs' | 'ttlSeconds'>,
  ttlCeilingSeconds: number = protocolLimits.ttlCeilingSeconds,
): number {
  return request.sentAtMs + Math.min(request.ttlSeconds, ttlCeilingSeconds) * 1_000;
}

/** Whether the request is neither too old nor too far in the future: `now - ttl < created < now + ttl`, the ttl cut to the ceiling. */
export function isWithinTtl(request: Pick<Request, 'sentAtMs' | 'ttlSeconds'>, options: TtlOptions): boolean {
  const ttlMs = Math.min(request.ttlSeconds, options.ttlCeilingSeconds ?? protocolLimits.ttlCeilingSeconds) * 1_000;
  return options.nowMs - ttlMs < request.sentAtMs && request.sentAtMs < options.nowMs + ttlMs;
}

/** @throws {ProtocolError} `ERR_REQUEST_EXPIRED` at stage `ttl` */
export function checkTtl(
  request: Pick<Request, 'id' | 'callerId' | 'sentAtMs' | 'ttlSeconds'>,
  options: TtlOptions,
): void {
  if (isWithinTtl(request, options)) return;
  const ageSeconds = (options.nowMs - request.sentAtMs) / 1_000;
  throw new ProtocolError(
    'ERR_REQUEST_EXPIRED',
    `Cannot accept request ${quoteName(request.id)} of ${quoteName(request.callerId)}: it is ${ageSeconds} s old, expected an age within ${request.ttlSeconds} s and the ceiling of ${options.ttlCeilingSeconds ?? protocolLimits.ttlCeilingSeconds} s`,
    {stage: 'ttl', details: {ageSeconds, ttlSeconds: request.ttlSeconds}},
  );
}
