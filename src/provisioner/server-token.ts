/** The token that a server gets: who it is, by which key, in which collectives, until when. */
import type {KeyObject} from 'node:crypto';
import {encodeKsuid, readToken, signEd25519, signToken} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {ProvisionerError} from './errors.ts';
import type {HelperOutput} from './helper.ts';
import {provisionerLimits} from './limits.ts';

export interface TokenSigner {
  readonly key: KeyObject;
  readonly seed: Buffer;
  /** The token of a chain issuer whose key signs; undefined when the organisation's own key does. */
  readonly issuerToken: string | undefined;
}

export function mintServerToken(
  options: {
    readonly identity: string;
    /** Hexadecimal. */
    readonly publicKey: string;
    readonly output: Pick<HelperOutput, 'serverClaims' | 'configuration'>;
    readonly signer: TokenSigner;
    readonly validityMs: number;
    readonly warn: (text: string) => void;
  },
  platform: Pick<Platform, 'clock' | 'random'>,
): string {
  const {identity, publicKey, output, signer} = options;
  const wanted = output.serverClaims ?? {};
  const nowMs = platform.clock.nowMs();
  const issuedAt = Math.floor(nowMs / 1000);
  const id = encodeKsuid({nowMs, random: platform.random.bytes(16)});
  const claims = {
    identity,
    collectives: collectivesOf(wanted, output.configuration),
    ...(isObject(wanted['permissions']) ? {permissions: wanted['permissions']} : {}),
    ou: typeof wanted['ou'] === 'string' && wanted['ou'] !== '' ? wanted['ou'] : 'choria',
    ...(Array.isArray(wanted['pub_subjects']) ? {pub_subjects: wanted['pub_subjects']} : {}),
    purpose: 'choria_server',
    public_key: publicKey,
    ...issuer(signer, id),
    exp: expiry(wanted['exp'], {issuedAt, ...options}),
    nbf: issuedAt,
    iat: issuedAt,
    jti: id,
  };
  return signToken(claims, signer.key);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function collectivesOf(
  claims: Readonly<Record<string, unknown>>,
  configuration: Readonly<Record<string, string>>,
): readonly string[] {
  const given = claims['collectives'];
  if (Array.isArray(given) && given.length > 0) return given.filter((item): item is string => typeof item === 'string');
  const configured = (configuration['collectives'] ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  return configured.length > 0 ? configured : ['choria'];
}

/** The helper gives the end as seconds since 1970; what lies less than an hour ahead is taken for a mistake. */
function expiry(
  given: unknown,
  options: {readonly issuedAt: number; readonly validityMs: number; readonly warn: (text: string) => void},
): number {
  const {issuedAt, validityMs, warn} = options;
  const usual = issuedAt + Math.floor(validityMs / 1000);
  if (given === undefined || given === null || given === 0) return usual;
  if (typeof given === 'number' && given >= issuedAt + provisionerLimits.tokenMsMin / 1000) return Math.floor(given);
  warn(
    `server_claims.exp is ${JSON.stringify(given)}, expected seconds since 1970 at least an hour ahead: the usual validity is used`,
  );
  return usual;
}

function issuer(signer: TokenSigner, id: string): Readonly<Record<string, unknown>> {
  if (signer.issuerToken === undefined) return {iss: 'Choria Provisioner'};
  const token = readToken(signer.issuerToken);
  const {jti, tcs} = token.claims;
  if (typeof jti !== 'string' || typeof tcs !== 'string' || token.publicKey === undefined) {
    throw new ProvisionerError(
      'ERR_PROVISIONER_SETTING',
      'Cannot sign tokens: the token of "jwt_signing_token" is not that of a chain issuer',
    );
  }
  const signature = signEd25519(signer.seed, Buffer.from(`${id}.${tcs}`, 'utf8')).toString('hex');
  return {
    iss: `C-${jti}.${token.publicKey.toString('hex')}`,
    tcs: `${tcs}.${signature}`,
    ...(token.expiresAtMs === undefined ? {} : {issexp: Math.floor(token.expiresAtMs / 1000)}),
  };
}
