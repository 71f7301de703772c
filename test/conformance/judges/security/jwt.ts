/**
 * Reads each token with the key of its case and compares verdict, meaning of the error, names, ends and chain.
 *
 * Errors are compared by what they mean: which of the claims, dates, signatures or the chain is wrong.
 */
import {createHash, createPublicKey, type KeyObject} from 'node:crypto';
import {
  CryptoError,
  decodeToken,
  ed25519PublicKey,
  isHexKey,
  readToken,
  type TokenPurpose,
  verifyToken,
  verifyTrustChain,
} from '../../../../src/crypto/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface JwtCase {
  readonly name: string;
  readonly token: string;
  readonly verify_key: string;
  readonly parse_as: 'client' | 'server' | 'provisioning';
  readonly expect: {
    readonly valid: boolean;
    readonly error: string | null;
    readonly alg?: string;
    readonly purpose?: string;
    readonly id?: string;
    readonly unique_id?: string;
    readonly expire_time?: number;
    readonly is_expired?: boolean;
    readonly chain_issuer_verified?: boolean;
    readonly chain_issuer_hint?: boolean;
    readonly is_signed_by_issuer?: {
      readonly ok: boolean;
      readonly error: string | null;
      readonly signer: string;
    } | null;
  };
}

const purposes: Readonly<Record<JwtCase['parse_as'], TokenPurpose>> = {
  client: 'choria_client_id',
  server: 'choria_server',
  provisioning: 'choria_provisioning',
};

/** No end is told as the year 1 by the program that made the vectors. */
const noEndSeconds = -62_135_596_800;

const meanings: readonly (readonly [RegExp, string])[] = [
  [/not an? (client|server|provisioning) token/, 'purpose'],
  [/not valid yet/, 'not yet'],
  [/expired/, 'expired'],
  [/malformed|parts, expected 3|not base64url|is not JSON|is not an object|has \d+ characters/, 'malformed'],
  [/no issuer set|unsupported issuer|invalid issuer content/, 'issuer'],
  [/no public key set/, 'public key'],
  [/no trust chain|invalid trust chain|invalid chain signature|not signed by org issuer/, 'chain signature'],
  [/id not set|ksuid|KSUID|not based on issued/, 'id'],
  [/no issued time/, 'issued'],
  [/no issuer expires|no expires/, 'ends'],
  [/signature|unverifiable|signing method|trusted key/, 'signature'],
];

function meaning(error: string | null): string | null {
  if (error === null) return null;
  return meanings.find(([pattern]) => pattern.test(error))?.[1] ?? error;
}

function keyOf(text: string): KeyObject {
  return isHexKey(text) ? ed25519PublicKey(Buffer.from(text, 'hex')) : createPublicKey(text);
}

function attempt<Value>(work: () => Value): {readonly value: Value} | {readonly error: string} {
  try {
    return {value: work()};
  } catch (error) {
    if (error instanceof CryptoError) return {error: error.message};
    throw error;
  }
}

function judgeToken(item: JwtCase, nowMs: number): unknown {
  const read = attempt(() =>
    verifyToken(item.token, {key: keyOf(item.verify_key), purpose: purposes[item.parse_as], nowMs}),
  );
  if ('error' in read) return {valid: false, error: meaning(read.error)};
  const token = read.value;
  const ends = token.expiresAtMs === undefined ? noEndSeconds : token.expiresAtMs / 1_000;
  return {
    valid: true,
    error: null,
    alg: decodeToken(item.token).header['alg'],
    ...(item.expect.id === undefined ? {} : {id: token.name}),
    ...(item.expect.unique_id === undefined ? {} : {unique_id: createHash('md5').update(token.name).digest('hex')}),
    ...(item.expect.expire_time === undefined ? {} : {expire_time: ends, is_expired: ends * 1_000 <= nowMs}),
    ...(item.expect.chain_issuer_verified === undefined
      ? {}
      : {chain_issuer_verified: isChainIssuer(item), chain_issuer_hint: hintsChainIssuer(item)}),
  };
}

function hintsChainIssuer(item: JwtCase): boolean {
  const {claims} = decodeToken(item.token);
  const {iss, tcs} = claims;
  return typeof iss === 'string' && iss.startsWith('I-') && typeof tcs === 'string' && tcs !== '';
}

function isChainIssuer(item: JwtCase): boolean {
  if (!isHexKey(item.verify_key)) return false;
  const {claims} = decodeToken(item.token);
  const chain = attempt(() => verifyTrustChain(claims, Buffer.from(item.verify_key, 'hex')));
  return 'value' in chain && chain.value.madeBy === 'organization';
}

function judgeChain(item: JwtCase, organization: string): unknown {
  const decoded = attempt(() => decodeToken(item.token));
  if ('error' in decoded) return {ok: false, error: meaning(decoded.error), signer: ''};
  const chain = attempt(() => verifyTrustChain(decoded.value.claims, Buffer.from(organization, 'hex')));
  return 'error' in chain
    ? {ok: false, error: meaning(chain.error), signer: ''}
    : {ok: true, error: null, signer: chain.value.signerKey.toString('hex')};
}

const judge: Judge = async ({data}) => {
  const file = data as {
    readonly cases: readonly JwtCase[];
    readonly generated_at_unix: number;
    readonly org_issuer_public: string;
  };
  const nowMs = file.generated_at_unix * 1_000;
  return file.cases.map((item): CaseResult => {
    const {expect} = item;
    const purpose = attempt(() => readToken(item.token).purpose);
    const got = {
      read: judgeToken(item, nowMs),
      purpose: 'error' in purpose ? '' : purpose.value,
      ...(expect.is_signed_by_issuer ? {chain: judgeChain(item, file.org_issuer_public)} : {}),
    };
    const {valid, error, alg, id, unique_id, expire_time, is_expired, chain_issuer_verified, chain_issuer_hint} =
      expect;
    const chain = expect.is_signed_by_issuer;
    const wanted = {
      read: valid
        ? {valid, error, alg, id, unique_id, expire_time, is_expired, chain_issuer_verified, chain_issuer_hint}
        : {valid, error: meaning(error)},
      purpose: expect.purpose ?? '',
      ...(chain ? {chain: {ok: chain.ok, error: meaning(chain.error), signer: chain.signer}} : {}),
    };
    return judgeEqual(item.name, wanted, got);
  });
};

export default judge;
