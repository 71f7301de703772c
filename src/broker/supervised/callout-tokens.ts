/**
 * The tokens of nats-server's auth callout: what it asks about a connection, and what we answer.
 *
 * Compact tokens of the kind `ed25519-nkey`: signed by an nkey whose public half is the issuer. Pure: time and unique ids come in.
 */
import {createHash} from 'node:crypto';
import {
  CryptoError,
  decodeNkeyPublic,
  decodeToken,
  type NkeyKind,
  type NkeySigner,
  verifyEd25519,
} from '../../crypto/index.ts';
import type {Permissions} from '../permissions.ts';
import {servicePermission} from '../interest/rights.ts';
import {interestSubject} from '../../protocol/index.ts';
import {CompiledPermissions} from '../permissions.ts';
import {CalloutError} from './errors.ts';

export const calloutSubject = '$SYS.REQ.USER.AUTH';
const algorithm = 'ed25519-nkey';
const requestAudience = 'nats-authorization-request';

export type Claims = Readonly<Record<string, unknown>>;

export interface CalloutRequest {
  readonly serverId: string;
  /** The key made for this connection alone; the answer is about it. */
  readonly userKey: string;
  readonly expiresAtMs: number;
  readonly client: {
    readonly host: string;
    readonly id: number;
    readonly kind: string;
    readonly type: string;
    readonly nonce: string | undefined;
  };
  readonly connect: {
    readonly user: string | undefined;
    readonly password: string | undefined;
    readonly authToken: string | undefined;
    readonly jwt: string | undefined;
    readonly nkey: string | undefined;
    readonly signature: string | undefined;
    readonly name: string | undefined;
  };
  readonly tls:
    | {
        readonly version: string;
        readonly cipher: string;
        /** The leaf of the first chain that the server verified, PEM. */
        readonly verifiedPem: string | undefined;
        /** What was presented and not verified. */
        readonly presentedPem: string | undefined;
      }
    | undefined;
  readonly claims: Claims;
}

/** An nkey token whose signature was checked against the issuer that it names. */
export interface SignedClaims {
  readonly issuer: string;
  readonly claims: Claims;
}

/**
 * @throws {CalloutError} `ERR_CALLOUT_TOKEN` when it is no such token, or is not signed by an nkey of the kind that it names as its issuer
 */
export function openNkeyToken(text: string, kind: NkeyKind): SignedClaims {
  try {
    const token = decodeToken(text);
    if (token.header['alg'] !== algorithm || token.header['typ'] !== 'JWT') throw refuse('it is of another kind');
    const issuer = token.claims['iss'];
    if (typeof issuer !== 'string') throw refuse('it names no issuer');
    const key = decodeNkeyPublic(issuer);
    if (key.kind !== kind) throw refuse(`its issuer is of kind ${key.kind}, expected ${kind}`);
    const message = Buffer.from(token.signedText, 'latin1');
    if (!verifyEd25519(key.raw, {message, signature: token.signature})) throw refuse('its signature is wrong');
    return {issuer, claims: token.claims};
  } catch (error) {
    if (error instanceof CryptoError) throw refuse(error.message, error);
    throw error;
  }
}

/** Signs claims; `iss`, `iat` and `jti` are added. */
export function signNkeyToken(claims: Claims, options: {readonly signer: NkeySigner; readonly nowMs: number}): string {
  const body = {...claims, iss: options.signer.publicKey, iat: Math.floor(options.nowMs / 1000)};
  const id = createHash('sha512-256').update(JSON.stringify(body), 'utf8').digest();
  const text = `${encodePart({typ: 'JWT', alg: algorithm})}.${encodePart({...body, jti: toBase32(id)})}`;
  return `${text}.${options.signer.sign(Buffer.from(text, 'latin1')).toString('base64url')}`;
}

/**
 * @throws {CalloutError} `ERR_CALLOUT_TOKEN`
 */
export function openCalloutRequest(
  text: string,
  options: {readonly nowMs: number; readonly issuer: string},
): CalloutRequest {
  const {issuer: serverId, claims} = openNkeyToken(text, 'server');
  if (claims['aud'] !== requestAudience) throw refuse('it is no request for authorization');
  if (claims['sub'] !== options.issuer) throw refuse('it is meant for another issuer');
  const expires = claims['exp'];
  if (typeof expires !== 'number' || expires * 1000 < options.nowMs) throw refuse('it has expired');
  const nats = objectOf(claims['nats']);
  const client = objectOf(nats.get('client_info'));
  const connect = objectOf(nats.get('connect_opts'));
  const userKey = textOf(nats.get('user_nkey')) ?? '';
  if (!isKey(userKey, 'user')) throw refuse('it names no key of a user');
  if (textOf(objectOf(nats.get('server_id')).get('id')) !== serverId) throw refuse('its server is not its issuer');
  const id = client.get('id');
  return {
    serverId,
    userKey,
    expiresAtMs: expires * 1000,
    client: {
      host: textOf(client.get('host')) ?? '',
      id: typeof id === 'number' ? id : 0,
      kind: textOf(client.get('kind')) ?? '',
      type: textOf(client.get('type')) ?? '',
      nonce: textOf(client.get('nonce')),
    },
    connect: {
      user: textOf(connect.get('user')),
      password: textOf(connect.get('pass')),
      authToken: textOf(connect.get('auth_token')),
      jwt: textOf(connect.get('jwt')),
      nkey: textOf(connect.get('nkey')),
      signature: textOf(connect.get('sig')),
      name: textOf(connect.get('name')),
    },
    tls: readTls(nats.get('client_tls')),
    claims,
  };
}

/** What a refused or admitted connection is told to the server. `reason` is for its log; the client is told nothing but that it was refused. */
export type CalloutVerdict =
  | {readonly isAdmitted: false; readonly reason: string}
  | {
      readonly isAdmitted: true;
      readonly account: string;
      readonly user: string;
      readonly permissions?: Permissions;
      readonly expiresAtMs?: number;
    };

interface AdmittedAnswer {
  readonly admitted: Extract<CalloutVerdict, {isAdmitted: true}>;
  readonly isNamed: boolean;
}

/**
 * @param options.isNamed  whether the user gets the verdict's name in the server's monitoring. A server that reloads its configuration closes named
 * users, and asks again about those without a name.
 */
export function encodeCalloutAnswer(
  request: Pick<CalloutRequest, 'serverId' | 'userKey'>,
  options: {
    readonly verdict: CalloutVerdict;
    readonly signer: NkeySigner;
    readonly nowMs: number;
    readonly isNamed: boolean;
  },
): string {
  const {verdict, signer, nowMs, isNamed} = options;
  const outcome = verdict.isAdmitted
    ? {jwt: signNkeyToken(userClaims(request, {admitted: verdict, isNamed}), {signer, nowMs})}
    : {error: verdict.reason};
  return signNkeyToken(
    {
      sub: request.userKey,
      aud: request.serverId,
      nats: {...outcome, type: 'authorization_response', version: 2},
    },
    {signer, nowMs},
  );
}

function userClaims(request: Pick<CalloutRequest, 'userKey'>, answer: AdmittedAnswer): Claims {
  const {permissions, expiresAtMs} = answer.admitted;
  return {
    sub: request.userKey,
    aud: answer.admitted.account,
    ...(answer.isNamed ? {name: answer.admitted.user} : {}),
    ...(expiresAtMs === undefined || !Number.isFinite(expiresAtMs) ? {} : {exp: Math.floor(expiresAtMs / 1000)}),
    nats: {
      ...permissionClaims(permissions),
      subs: -1,
      data: -1,
      payload: -1,
      type: 'user',
      version: 2,
    },
  };
}

/**
 * nats-server has no rule for "single subjects only": there such an entry also lets a subscription with wildcards through
 * (docs/design/engine-nats-server.md).
 */
function permissionClaims(permissions: Permissions | undefined): Claims {
  if (permissions === undefined) return {pub: {}, sub: {}};
  const {publish, subscribe, allowResponses} = permissions;
  return {
    pub: publish === undefined ? {} : publishRules(permissions),
    sub: subscribe === undefined ? {} : rulesOf(subscribe),
    ...(allowResponses === undefined
      ? {}
      : {resp: {max: allowResponses.max, ttl: allowResponses.expiresMs * 1_000_000}}),
  };
}

function rulesOf(rules: NonNullable<Permissions['subscribe']>): {allow?: readonly string[]; deny?: readonly string[]} {
  const allow = [...(rules.allow ?? []), ...(rules.allowSingle ?? [])];
  // An empty list would allow everything; what is meant is nothing.
  const isClosed = allow.length === 0 && (rules.allow !== undefined || rules.allowSingle !== undefined);
  const deny = isClosed ? ['>'] : [...(rules.deny ?? [])];
  return {...(allow.length === 0 ? {} : {allow}), ...(deny.length === 0 ? {} : {deny})};
}

/** The interest service follows the right to send requests; here that right has to be spelt out. */
function publishRules(permissions: Permissions): ReturnType<typeof rulesOf> {
  const rules = rulesOf(permissions.publish ?? {});
  const rights = new CompiledPermissions(permissions);
  const should = rights.mayPublish(servicePermission(interestSubject));
  if (rights.mayPublish(interestSubject) === should) return rules;
  return should
    ? {...rules, allow: [...(rules.allow ?? []), interestSubject]}
    : {...rules, deny: [...(rules.deny ?? []), interestSubject]};
}

function readTls(value: unknown): CalloutRequest['tls'] {
  if (value === undefined || value === null) return undefined;
  const fields = objectOf(value);
  const chains = fields.get('verified_chains');
  const firstChain: unknown = Array.isArray(chains) ? chains[0] : undefined;
  const leaf: unknown = Array.isArray(firstChain) ? firstChain[0] : undefined;
  const presented = fields.get('certs');
  const shown: unknown = Array.isArray(presented) ? presented[0] : undefined;
  return {
    version: textOf(fields.get('version')) ?? '',
    cipher: textOf(fields.get('cipher')) ?? '',
    verifiedPem: textOf(leaf),
    presentedPem: textOf(shown),
  };
}

function isKey(text: string, kind: NkeyKind): boolean {
  try {
    return decodeNkeyPublic(text).kind === kind;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function objectOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >> (bits - 5)) & 31] ?? '';
  }
  return bits === 0 ? text : text + (alphabet[(value << (5 - bits)) & 31] ?? '');
}

function refuse(why: string, cause?: unknown): CalloutError {
  return new CalloutError('ERR_CALLOUT_TOKEN', `Cannot use a token of the auth callout: ${why}`, {cause});
}
