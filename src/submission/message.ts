/**
 * Messages of the submission spool: what local programs hand to the server, to be published in its name (server.md 12, streams.md 5).
 * Vectors: agents/submission.json.
 */
import {parseJson} from '../lib/json.ts';
import {SubmissionError} from './errors.ts';
import {submissionLimits} from './limits.ts';

export interface SubmissionMessage {
  readonly id: string;
  /** Without the prefix of submissions. */
  readonly subject: string;
  readonly payload: Buffer;
  /** Confirmed by a stream, else tried again. */
  readonly reliable: boolean;
  /** 0 (first) to 4. */
  readonly priority: number;
  readonly createdMs: number;
  /** Nanoseconds since 1970 as written, for the header; with more digits than a number holds. */
  readonly createdNs: bigint;
  readonly ttlMs: number;
  readonly maxTries: number;
  readonly tries: number;
  readonly nextTryMs: number;
  readonly sender: string;
  readonly identity: string;
  readonly sign: boolean;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

function invalid(problem: string): SubmissionError {
  return new SubmissionError('ERR_SUBMISSION_INVALID', problem);
}

/** @throws {SubmissionError} `ERR_SUBMISSION_INVALID`, in the words that users know */
export function checkMessage(message: SubmissionMessage, nowMs: number): void {
  if (message.subject === '') throw invalid('subject is required');
  if (!/^[\x21-\x7e]+$/.test(message.subject) || /[*>]|\.\.|^\.|\.$/.test(message.subject)) {
    throw invalid('subject may hold printable characters and single dots between them, and no wildcards');
  }
  if (message.payload.length === 0) throw invalid('payload is required');
  if (message.payload.length > submissionLimits.payloadBytesMax) {
    throw invalid(
      `payload has ${message.payload.length} bytes, at most ${submissionLimits.payloadBytesMax} are accepted`,
    );
  }
  if (!Number.isInteger(message.priority) || message.priority < 0 || message.priority >= submissionLimits.priorities) {
    throw invalid('priority must be 0...4');
  }
  if (message.createdMs <= 0) throw invalid('created time is zero');
  if (message.ttlMs <= 0) throw invalid('ttl may not be 0');
  if (message.ttlMs > submissionLimits.ttlMsMax) throw invalid('ttl exceeds maximum 744h0m0s');
  if (message.sender === '') throw invalid('sender is required');
  if (isExpired(message, nowMs)) throw invalid('message has expired');
  checkHeaders(message);
}

function checkHeaders(message: SubmissionMessage): void {
  const names = Object.keys(message.headers);
  if (names.length > submissionLimits.headersMax) throw invalid(`there are ${names.length} headers`);
  for (const text of [message.sender, message.identity, message.id]) {
    if (/[\r\n\0]/.test(text)) throw invalid('id, sender and identity may not hold line ends');
  }
  for (const name of names) {
    if (/^(?:choria|nats)/i.test(name)) throw invalid("headers may not start with 'choria' or 'nats'");
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name))
      throw invalid(`${JSON.stringify(name)} is no name of a header`);
    if (message.headers[name]?.some((value) => /[\r\n\0]/.test(value)))
      throw invalid(`header ${name} holds a line end`);
  }
}

export function isExpired(message: Pick<SubmissionMessage, 'createdMs' | 'ttlMs'>, nowMs: number): boolean {
  return nowMs - message.createdMs > message.ttlMs;
}

const never = '0001-01-01T00:00:00Z';

export function encodeMessage(message: SubmissionMessage): string {
  const {id, subject, reliable, priority, tries, sender, identity, sign} = message;
  return JSON.stringify({
    id,
    subject,
    payload: message.payload.toString('base64'),
    reliable,
    priority,
    created: nanosecondText(message.createdNs),
    ttl: message.ttlMs / 1000,
    max_tries: message.maxTries,
    tries,
    next_try: message.nextTryMs === 0 ? never : new Date(message.nextTryMs).toISOString(),
    sender,
    identity,
    sign,
    headers: message.headers,
  });
}

/** @throws {SubmissionError} `ERR_SUBMISSION_INVALID` when it is none, {@link JsonError} when it is no JSON */
export function decodeMessage(text: Buffer): SubmissionMessage {
  const value = parseJson(text, {bytesMax: submissionLimits.fileBytesMax});
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('it is no JSON object');
  const fields = value as Readonly<Record<string, unknown>>;
  const get = <T>(name: string, fallback: T, isRight: (item: unknown) => item is T): T => {
    const item = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (item === undefined || item === null) return fallback;
    if (isRight(item)) return item;
    throw invalid(`its key "${name}" has a value of another type`);
  };
  const createdNs = parseTime(get('created', never, isText));
  const nextNs = parseTime(get('next_try', never, isText));
  return {
    id: get('id', '', isText),
    subject: get('subject', '', isText),
    payload: Buffer.from(get('payload', '', isText), 'base64'),
    reliable: get('reliable', false, isFlag),
    priority: get('priority', 0, isNumber),
    createdNs,
    createdMs: Number(createdNs / 1_000_000n),
    ttlMs: get('ttl', 0, isNumber) * 1000,
    maxTries: get('max_tries', 0, isNumber),
    tries: get('tries', 0, isNumber),
    nextTryMs: nextNs <= 0n ? 0 : Number(nextNs / 1_000_000n),
    sender: get('sender', '', isText),
    identity: get('identity', '', isText),
    sign: get('sign', false, isFlag),
    headers: get('headers', {}, isHeaders),
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isHeaders = (value: unknown): value is Record<string, readonly string[]> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((item) => Array.isArray(item) && item.every(isText));

/** Nanoseconds since 1970 of an RFC 3339 time; 0 and below for the zero time. */
function parseTime(text: string): bigint {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw invalid('it holds a time that is none');
  const fraction = /\.([0-9]{1,9})/.exec(text)?.[1] ?? '';
  return BigInt(Math.floor(ms / 1000)) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function nanosecondText(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(ns % 1_000_000_000n).padStart(9, '0');
  return `${seconds}.${fraction}Z`;
}
