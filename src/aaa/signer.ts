/**
 * Signs requests for callers whose token allows them (spec security 6.2).
 *
 * What is signed is what was judged: the filter, agent, collective and life inside the request's own bytes. The agent that the body names
 * has to be the one the request is for.
 */
import type {KeyObject} from 'node:crypto';
import {type AuthzRequest, judgeAgentList, judgeTokenRego, policiesOf, type RegoEngine} from '../authz/index.ts';
import {type Token, verifyEd25519, verifyToken} from '../crypto/index.ts';
import type {SecurityTechnology} from '../crypto/types.ts';
import {errorMessage} from '../lib/errors.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import type {Clock} from '../lib/platform.ts';
import {checkTtl, decodeRequest, encodeRequestDocument, readStrictJson, type Request} from '../protocol/index.ts';
import {parseRequestBody} from '../rpc/index.ts';
import type {RequestAuditor} from './audit.ts';
import {AaaError} from './errors.ts';
import {aaaLimits} from './limits.ts';
import type {RateLimit} from './rate-limit.ts';
import {callerNameOf} from './settings.ts';

/** Who signs: what a security provider has, or a seed and a token. */
export interface RequestSigner {
  readonly technology: SecurityTechnology;
  readonly credential: string;
  sign(message: Uint8Array): Promise<Buffer>;
}

export interface SigningOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly signer: RequestSigner;
  /** The key that signs callers' tokens. */
  readonly trustedKey: KeyObject;
  readonly maxValidityMs: number;
  readonly allowsBearerTokens: boolean;
  readonly authorizer: 'actionlist' | 'opa';
  readonly engine: RegoEngine;
  readonly site: string;
  readonly auditors: readonly RequestAuditor[];
  readonly rate: RateLimit;
}

export interface SignFields {
  readonly token: string;
  /** The request's own JSON. */
  readonly request: Buffer;
  /** Hex; empty when there is none. */
  readonly signature: string;
}

/** What was decided, for counters and the log; `document` is the signed request's JSON. */
export interface Signed {
  readonly document: Buffer;
  readonly callerId: string;
  readonly request: Request;
}

/** Reads the body of `POST /choria/v1/sign`. @throws {AaaError} `ERR_AAA_REQUEST` */
export function readSignRequest(body: Uint8Array): SignFields {
  let value: unknown;
  try {
    value = parseJson(body, {bytesMax: aaaLimits.bodyBytesMax});
  } catch (cause) {
    throw new AaaError('ERR_AAA_REQUEST', 'Cannot sign: what was sent is not JSON', {cause});
  }
  const text = (name: string): string => {
    const field = isJsonObject(value) ? jsonField(value, name) : undefined;
    if (field === undefined || field === null) return '';
    if (typeof field !== 'string') throw unfit(`"${name}" is no text`);
    return field;
  };
  return {token: text('token'), request: Buffer.from(text('request'), 'base64'), signature: text('signature')};
}

function unfit(reason: string, cause?: unknown): AaaError {
  return new AaaError('ERR_AAA_REQUEST', `Cannot sign: ${reason}`, {cause});
}

/**
 * @throws {AaaError} `ERR_AAA_REQUEST` | `ERR_AAA_DENIED` | `ERR_AAA_RATE`; nothing is signed that could not be audited
 */
export async function signRequest(fields: SignFields, options: SigningOptions): Promise<Signed> {
  const {clock} = options;
  const nowMs = clock.nowMs();
  const token = readCaller(fields, {options, nowMs});
  if (!options.rate.take(token.name)) {
    throw new AaaError(
      'ERR_AAA_RATE',
      `Cannot sign for ${JSON.stringify(token.name)}: too many requests, try again later`,
    );
  }
  const {request, bytes} = readRequest(fields, {token, options, nowMs});
  const {allowed, reason} = await judge(request, {token, options});
  for (const auditor of options.auditors) {
    await auditor.record({
      isAllowed: allowed,
      callerId: token.name,
      request: bytes.toString('utf8'),
      ...(reason === undefined ? {} : {reason}),
    });
  }
  if (!allowed) {
    throw new AaaError(
      'ERR_AAA_DENIED',
      `Cannot sign request ${request.id} of ${JSON.stringify(token.name)} to agent ${JSON.stringify(request.agent)}: ${reason ?? 'the policy of the token does not allow it'}`,
    );
  }
  return {document: await encodeSigned(bytes, {request, options}), callerId: token.name, request};
}

interface Around {
  readonly options: SigningOptions;
  readonly nowMs: number;
}

function readCaller(fields: SignFields, {options, nowMs}: Around): Token {
  const {trustedKey, maxValidityMs, allowsBearerTokens} = options;
  let token: Token;
  try {
    token = verifyToken(fields.token, {key: trustedKey, purpose: 'choria_client_id', nowMs});
  } catch (cause) {
    throw unfit(errorMessage(cause), cause);
  }
  if (token.name === '') throw unfit('the token names no caller');
  const {expiresAtMs} = token;
  const isShort = expiresAtMs !== undefined && expiresAtMs <= nowMs + maxValidityMs;
  if (expiresAtMs === undefined || (!isShort && !token.hasPermission('service'))) {
    throw unfit('invalid claims: expiry is not set or it is too far in the future');
  }
  if (fields.signature === '' && allowsBearerTokens) return token;
  const isSigned =
    token.publicKey !== undefined &&
    /^[0-9a-fA-F]{128}$/.test(fields.signature) &&
    verifyEd25519(token.publicKey, {message: fields.request, signature: Buffer.from(fields.signature, 'hex')});
  if (!isSigned) throw unfit('the request was not signed by the holder of the token');
  return token;
}

function readRequest(
  fields: SignFields,
  {token, options, nowMs}: Around & {readonly token: Token},
): {readonly request: Request; readonly bytes: Buffer} {
  const version = options.signer.technology === 'x509' ? 1 : 2;
  const callerId = callerNameOf(token.name);
  try {
    const claimed = decodeRequest(fields.request, version);
    const request = {...claimed, callerId};
    checkTtl(request, {nowMs});
    if (claimed.callerId === callerId) return {request, bytes: fields.request};
    // The name of the token counts; the caller's clock in nanoseconds is cut to milliseconds by this.
    const bytes = encodeRequestDocument(request);
    return {request: decodeRequest(bytes, version), bytes};
  } catch (cause) {
    throw unfit(errorMessage(cause), cause);
  }
}

interface Verdict {
  readonly allowed: boolean;
  readonly reason?: string;
}

async function judge(
  request: Request,
  {token, options}: {readonly token: Token; readonly options: SigningOptions},
): Promise<Verdict> {
  try {
    const asked = questionOf(request);
    const {agents, rego} = policiesOf(token.claims);
    if (options.authorizer === 'actionlist') return {allowed: judgeAgentList(agents, asked)};
    return {allowed: await judgeTokenRego(rego, {request: asked, claims: token.claims, options})};
  } catch (error) {
    return {allowed: false, reason: errorMessage(error)};
  }
}

function questionOf(request: Request): AuthzRequest {
  const shared = {
    agent: request.agent,
    callerId: request.callerId,
    requestId: request.id,
    senderId: request.senderId,
    collective: request.collective,
    ttlSeconds: request.ttlSeconds,
    sentAtMs: request.sentAtMs,
    filter: request.filter,
  };
  // Discovery is a bare word, no call.
  if (request.agent === 'discovery') return {...shared, action: '', rawData: {}};
  // Servers of other makes take another of two keys that are the same, or differ only in case: nothing is signed that they could read in another way.
  // In the data below them keys are whatever the action calls them.
  readStrictJson(Buffer.from(request.body).toString('utf8'), {stage: 'request', what: 'body', foldedLevels: 1});
  const body = parseRequestBody(request.body);
  if (body.agent !== request.agent) {
    throw new AaaError(
      'ERR_AAA_REQUEST',
      `the body is for agent ${JSON.stringify(body.agent)}, the request for ${JSON.stringify(request.agent)}`,
    );
  }
  return {...shared, action: body.action, rawData: body.data};
}

async function encodeSigned(
  bytes: Buffer,
  {request, options}: {readonly request: Request; readonly options: SigningOptions},
): Promise<Buffer> {
  const {signer} = options;
  const signature = (await signer.sign(bytes)).toString('base64');
  const document =
    request.version === 1
      ? {
          protocol: 'choria:secure:request:1',
          message: bytes.toString('utf8'),
          signature,
          pubcert: signer.credential,
        }
      : {
          protocol: 'io.choria.protocol.v2.secure_request',
          request: bytes.toString('base64'),
          signature,
          caller: signer.credential,
          signer: signer.credential,
        };
  return Buffer.from(JSON.stringify(document), 'utf8');
}
