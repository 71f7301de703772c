/** The trust chain of a token: who vouches for whoever signed it (spec security 4.5). One level and no more. */
import {isHexKey, verifyEd25519} from './ed25519.ts';
import {type DecodedToken, tokenInvalid} from './jwt.ts';
import {ksuidSeconds} from './ksuid.ts';
import {numberClaim, textClaim} from './token-claims.ts';

type Claims = DecodedToken['claims'];

export interface ChainLink {
  /** `organization`: the token is a chain issuer's own. `issuer`: a chain issuer made it. */
  readonly madeBy: 'organization' | 'issuer';
  /** Raw ed25519 key that must have signed the token itself. */
  readonly signerKey: Buffer;
}

/**
 * Whether the organisation vouches, for a chain issuer's own token or for what it issued.
 *
 * @throws {CryptoError} `ERR_TOKEN_INVALID`
 */
export function verifyTrustChain(claims: Claims, organizationKey: Uint8Array): ChainLink {
  const issuer = need(claims, 'iss', 'no issuer set');
  need(claims, 'public_key', 'no public key set');
  need(claims, 'tcs', 'no trust chain signature set');
  if (issuer.startsWith('I-')) return {madeBy: 'organization', signerKey: verifyIssuer(claims, organizationKey)};
  return {madeBy: 'issuer', signerKey: verifyChain(claims, organizationKey)};
}

function verifyIssuer(claims: Claims, organizationKey: Uint8Array): Buffer {
  const issuerKey = textClaim(claims, 'iss').slice(2);
  const id = need(claims, 'jti', 'id not set');
  if (!isHexKey(issuerKey) || !Buffer.from(issuerKey, 'hex').equals(organizationKey)) {
    throw tokenInvalid('public keys do not match');
  }
  if (!isSigned(organizationKey, `${id}.${textClaim(claims, 'public_key')}`, textClaim(claims, 'tcs'))) {
    throw tokenInvalid('invalid trust chain signature');
  }
  return Buffer.from(organizationKey);
}

/**
 * The key of the chain issuer, when the organisation vouches for it and it for the token.
 *
 * @throws {CryptoError} `ERR_TOKEN_INVALID`
 */
export function verifyChain(claims: Claims, organizationKey: Uint8Array): Buffer {
  const issuer = need(claims, 'iss', 'no issuer set');
  need(claims, 'public_key', 'no public key set');
  const chain = need(claims, 'tcs', 'no trust chain signature set');
  const id = need(claims, 'jti', 'id not set');
  if (numberClaim(claims, 'iat') === undefined) throw tokenInvalid('no issued time set');
  if (numberClaim(claims, 'exp') === undefined) throw tokenInvalid('no expires set');
  if (ksuidSeconds(id) !== numberClaim(claims, 'iat')) throw tokenInvalid('id is not based on issued time');
  if (numberClaim(claims, 'issexp') === undefined) throw tokenInvalid('no issuer expires set');
  const [issuerId = '', issuerKey = '', ...moreIssuer] = issuer.slice(2).split('.');
  if (!issuer.startsWith('C-')) throw tokenInvalid('unsupported issuer format');
  if (issuerId === '' || !isHexKey(issuerKey) || moreIssuer.length > 0) throw tokenInvalid('invalid issuer content');
  const [first = '', second = '', ...moreChain] = chain.split('.');
  if (!isHexSignature(first) || !isHexSignature(second) || moreChain.length > 0) {
    throw tokenInvalid('invalid trust chain signature');
  }
  const rawIssuerKey = Buffer.from(issuerKey, 'hex');
  if (!isSigned(organizationKey, `${issuerId}.${issuerKey}`, first)) {
    throw tokenInvalid('chain issuer credentials not signed by org issuer');
  }
  if (!isSigned(rawIssuerKey, `${id}.${first}`, second)) throw tokenInvalid('invalid chain signature');
  return rawIssuerKey;
}

function need(claims: Claims, name: string, reason: string): string {
  const value = textClaim(claims, name);
  if (value === '') throw tokenInvalid(reason);
  return value;
}

function isSigned(key: Uint8Array, text: string, hexSignature: string): boolean {
  return (
    isHexSignature(hexSignature) &&
    verifyEd25519(key, {message: Buffer.from(text, 'utf8'), signature: Buffer.from(hexSignature, 'hex')})
  );
}

function isHexSignature(text: string): boolean {
  return /^[0-9a-fA-F]{128}$/.test(text);
}
