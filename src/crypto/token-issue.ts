/**
 * Makes tokens: claims in, compact token out (spec security 4.3 and 4.5).
 *
 * The organisation's key signs directly, or it vouches for a chain issuer that then signs for others. Claims keep their order, so that
 * tokens look like those of other programs.
 */
import type {KeyObject} from 'node:crypto';
import type {Random} from '../lib/platform.ts';
import {ed25519PrivateKey, ed25519PublicFromSeed, signEd25519} from './ed25519.ts';
import {CryptoError} from './errors.ts';
import {signToken, signTokenWith} from './jwt.ts';
import {encodeKsuid} from './ksuid.ts';
import {readToken, type TokenPurpose} from './tokens.ts';

/** Who signs: a private key, a service that holds one, or a chain issuer by its own token and seed. */
export type TokenSigner =
  | {readonly kind: 'key'; readonly key: KeyObject}
  | {readonly kind: 'service'; readonly publicKey: Uint8Array; readonly sign: (message: Uint8Array) => Promise<Buffer>}
  | {readonly kind: 'chain'; readonly token: string; readonly seed: Uint8Array};

export interface IssueTokenOptions {
  readonly purpose: TokenPurpose;
  readonly signer: TokenSigner;
  readonly nowMs: number;
  /** May be negative, for tokens that are expired when they are made. */
  readonly validityMs: number;
  readonly random: Pick<Random, 'bytes'>;
  /** Of the holder, 64 hex characters. */
  readonly publicKey?: string;
  /** The token is for a chain issuer: the organisation vouches for it. Needs an ed25519 key as signer. */
  readonly isChainIssuer?: boolean;
}

const standardIssuer = 'Choria Tokens Package';

/** A signer over an ed25519 seed. */
export function seedSigner(seed: Uint8Array): TokenSigner {
  return {kind: 'key', key: ed25519PrivateKey(seed)};
}

/**
 * @param claims  what belongs to the kind of token, such as `callerid` and `permissions`; undefined values are left out
 * @throws {CryptoError} `ERR_KEY_INVALID` | `ERR_TOKEN_INVALID`
 * @example
 * const token = await issueToken({callerid: 'up=bob', ou: 'choria', permissions: {fleet_management: true}},
 *   {purpose: 'choria_client_id', signer: seedSigner(seed), publicKey, nowMs, validityMs: 3_600_000, random});
 */
export async function issueToken(
  claims: Readonly<Record<string, unknown>>,
  options: IssueTokenOptions,
): Promise<string> {
  const {purpose, signer, nowMs, publicKey} = options;
  const issuedAt = Math.floor(nowMs / 1_000);
  const id = encodeKsuid({nowMs, random: options.random.bytes(16)});
  const chain = await chainClaims({id, publicKey}, options);
  const expires = Math.floor((nowMs + options.validityMs) / 1_000);
  const all = {
    ...claims,
    purpose,
    ...(chain.signature === undefined ? {} : {tcs: chain.signature}),
    ...(publicKey === undefined ? {} : {public_key: publicKey}),
    ...(chain.expires === undefined ? {} : {issexp: chain.expires}),
    iss: chain.issuer,
    ...(purpose === 'choria_provisioning' ? {sub: purpose} : {}),
    exp: chain.expires === undefined ? expires : Math.min(expires, chain.expires),
    nbf: issuedAt,
    iat: issuedAt,
    jti: id,
  };
  if (signer.kind === 'service') return signTokenWith(all, signer.sign);
  return signToken(all, signer.kind === 'key' ? signer.key : ed25519PrivateKey(signer.seed));
}

interface Chain {
  readonly issuer: string;
  readonly signature?: string;
  readonly expires?: number;
}

async function chainClaims(
  token: {readonly id: string; readonly publicKey: string | undefined},
  options: IssueTokenOptions,
): Promise<Chain> {
  const {signer} = options;
  if (options.isChainIssuer === true) {
    if (token.publicKey === undefined) throw unusable('a chain issuer needs a public key');
    const {sign, publicKey} = organizationSigner(signer);
    const signature = await sign(Buffer.from(`${token.id}.${token.publicKey}`, 'utf8'));
    return {issuer: `I-${publicKey.toString('hex')}`, signature: signature.toString('hex')};
  }
  if (signer.kind !== 'chain') return {issuer: standardIssuer};
  const issuer = readToken(signer.token);
  const issuerId = issuer.claims['jti'];
  const issuerSignature = issuer.claims['tcs'];
  const expires = issuer.expiresAtMs;
  if (typeof issuerId !== 'string' || typeof issuerSignature !== 'string' || expires === undefined) {
    throw unusable('the signing token is not that of a chain issuer');
  }
  const publicKey = ed25519PublicFromSeed(signer.seed);
  if (issuer.publicKey === undefined || !issuer.publicKey.equals(publicKey)) {
    throw unusable('the signing seed does not belong to the signing token');
  }
  const signature = signEd25519(signer.seed, Buffer.from(`${token.id}.${issuerSignature}`, 'utf8'));
  return {
    issuer: `C-${issuerId}.${publicKey.toString('hex')}`,
    signature: `${issuerSignature}.${signature.toString('hex')}`,
    expires: Math.floor(expires / 1_000),
  };
}

/** Only the organisation's own ed25519 key vouches for chain issuers. */
function organizationSigner(signer: TokenSigner): {
  readonly sign: (message: Buffer) => Promise<Buffer>;
  readonly publicKey: Buffer;
} {
  if (signer.kind === 'service') return {sign: signer.sign, publicKey: Buffer.from(signer.publicKey)};
  if (signer.kind === 'key' && signer.key.asymmetricKeyType === 'ed25519') {
    const seed = signer.key.export({format: 'der', type: 'pkcs8'}).subarray(-32);
    return {
      sign: (message) => Promise.resolve(signEd25519(seed, message)),
      publicKey: ed25519PublicFromSeed(seed),
    };
  }
  throw unusable('a chain issuer is vouched for with an ed25519 key only');
}

function unusable(reason: string): CryptoError {
  return new CryptoError('ERR_KEY_INVALID', `Cannot make a token: ${reason}`);
}
