/**
 * Compact JSON web tokens: decoding, checking, signing.
 *
 * The algorithm is chosen by the key, never by the token: an ed25519 key checks EdDSA and nothing else, an RSA key checks RS256,
 * RS384 and RS512. `none`, HMAC and every header that points to a key elsewhere are refused by that alone.
 */
import {type KeyObject, sign as signWith, verify as verifyWith} from 'node:crypto';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';

export interface DecodedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Header and claims as they stand in the token: what is signed. */
  readonly signedText: string;
  readonly signature: Buffer;
}

const rsaHashes: Readonly<Record<string, string>> = {RS256: 'sha256', RS384: 'sha384', RS512: 'sha512'};

export function tokenInvalid(reason: string, details: Readonly<Record<string, unknown>> = {}): CryptoError {
  return new CryptoError('ERR_TOKEN_INVALID', `Cannot accept token: ${reason}`, {details});
}

/** Reads a token without believing it. @throws {CryptoError} `ERR_TOKEN_INVALID` */
export function decodeToken(text: string): DecodedToken {
  if (text.length > cryptoLimits.tokenBytesMax) {
    throw tokenInvalid(`it has ${text.length} characters, at most ${cryptoLimits.tokenBytesMax} are accepted`);
  }
  // Tokens are kept in files; a line end behind one is not part of it.
  const parts = text.replace(/[\r\n]+$/, '').split('.');
  const [header = '', claims = '', signature = ''] = parts;
  if (parts.length !== 3) throw tokenInvalid(`it has ${parts.length} parts, expected 3`);
  return {
    header: decodeObject(header, 'header'),
    claims: decodeObject(claims, 'claims'),
    signedText: `${header}.${claims}`,
    signature: decodeSegment(signature, 'signature'),
  };
}

/** The algorithm a token names, believed by nobody: it only says which kind of key to look for. */
export function tokenAlgorithm(text: string): string {
  const algorithm = decodeToken(text).header['alg'];
  return typeof algorithm === 'string' ? algorithm : '';
}

function decodeSegment(text: string, what: string): Buffer {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw tokenInvalid(`its ${what} is not base64url`);
  return Buffer.from(text, 'base64url');
}

function decodeObject(text: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(decodeSegment(text, what).toString('utf8'));
  } catch (error) {
    if (error instanceof CryptoError) throw error;
    throw tokenInvalid(`its ${what} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw tokenInvalid(`its ${what} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

/** Whether the key signed the token, by an algorithm that belongs to the key. */
export function isTokenSignedBy(token: DecodedToken, key: KeyObject): boolean {
  const algorithm = token.header['alg'];
  const message = Buffer.from(token.signedText, 'latin1');
  if (key.type !== 'public' || typeof algorithm !== 'string') return false;
  if (key.asymmetricKeyType === 'ed25519') {
    return algorithm === 'EdDSA' && token.signature.length === 64 && verifyWith(null, message, key, token.signature);
  }
  const hash = Object.hasOwn(rsaHashes, algorithm) ? rsaHashes[algorithm] : undefined;
  if (key.asymmetricKeyType !== 'rsa' || hash === undefined) return false;
  return verifyWith(hash, message, key, token.signature);
}

/** Signs claims with an ed25519 (EdDSA) or RSA (RS256) private key. */
export function signToken(claims: Readonly<Record<string, unknown>>, key: KeyObject): string {
  const isRsa = key.asymmetricKeyType === 'rsa';
  if (!isRsa && key.asymmetricKeyType !== 'ed25519') {
    throw new CryptoError(
      'ERR_KEY_INVALID',
      `Cannot sign a token with a key of type ${key.asymmetricKeyType ?? 'unknown'}: expected ed25519 or rsa`,
    );
  }
  const text = signingInput(isRsa ? 'RS256' : 'EdDSA', claims);
  const signature = signWith(isRsa ? 'sha256' : null, Buffer.from(text, 'latin1'), key);
  return `${text}.${signature.toString('base64url')}`;
}

/** The same with an ed25519 key that somebody else holds. */
export async function signTokenWith(
  claims: Readonly<Record<string, unknown>>,
  sign: (message: Uint8Array) => Promise<Buffer>,
): Promise<string> {
  const text = signingInput('EdDSA', claims);
  const signature = await sign(Buffer.from(text, 'latin1'));
  return `${text}.${signature.toString('base64url')}`;
}

function signingInput(algorithm: string, claims: Readonly<Record<string, unknown>>): string {
  const segment = (value: unknown): string => Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
  return `${segment({alg: algorithm, typ: 'JWT'})}.${segment(claims)}`;
}
