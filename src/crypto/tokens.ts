/**
 * Choria's tokens: who a client or a server is, what it may do, and who vouches for it (spec security 4).
 *
 * A token is signed by the organisation's key, or by a chain issuer whom that key vouched for in `iss` and `tcs`. There is one
 * level of chain and no more.
 */
import type {KeyObject} from 'node:crypto';
import {ed25519PublicKey, isHexKey, verifyEd25519} from './ed25519.ts';
import {type DecodedToken, decodeToken, isTokenSignedBy, tokenInvalid} from './jwt.ts';
import {ksuidSeconds} from './ksuid.ts';

export type TokenPurpose = 'choria_client_id' | 'choria_server' | 'choria_provisioning';

const purposeNames: Readonly<Record<TokenPurpose, string>> = {
  choria_client_id: 'client',
  choria_server: 'server',
  choria_provisioning: 'provisioning',
};

export interface Token {
  readonly purpose: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** `callerid` of clients, `identity` of servers. */
  readonly name: string;
  readonly organization: string | undefined;
  /** Raw ed25519 key of the holder. */
  readonly publicKey: Buffer | undefined;
  /** The earlier of `exp` and `issexp`, in ms since 1970; undefined when neither is there. */
  readonly expiresAtMs: number | undefined;
  hasPermission(name: string): boolean;
}

/** Reads a token without believing it; for finding the key that should have signed it. */
export function readToken(text: string): Token {
  return toToken(decodeToken(text).claims);
}

/**
 * Checks a token: signature or chain, dates, purpose.
 *
 * @param options.key  the organisation's or trusted signer's public key, ed25519 or RSA
 * @throws {CryptoError} `ERR_TOKEN_INVALID`
 */
export function verifyToken(
  text: string,
  options: {readonly key: KeyObject; readonly purpose: TokenPurpose; readonly nowMs: number},
): Token {
  const {key, purpose, nowMs} = options;
  const decoded = decodeToken(text);
  const {claims} = decoded;
  const isEd25519 = key.asymmetricKeyType === 'ed25519';
  const isChained = isEd25519 && purpose !== 'choria_provisioning' && textClaim(claims, 'iss').startsWith('C-');
  const signer = isChained ? ed25519PublicKey(verifyChain(claims, rawPublicKey(key))) : key;
  if (!isTokenSignedBy(decoded, signer)) throw tokenInvalid('its signature is not by a trusted key');
  checkDates(claims, nowMs);
  checkPurpose(claims, purpose);
  checkIssuerExpiry(claims, {purpose, nowMs});
  return toToken(claims);
}

/**
 * The key of the chain issuer, when the organisation vouches for it and it for the token.
 *
 * @throws {CryptoError} `ERR_TOKEN_INVALID`
 */
export function verifyChain(claims: DecodedToken['claims'], organizationKey: Uint8Array): Buffer {
  const need = (name: string, reason: string): string => {
    const value = textClaim(claims, name);
    if (value === '') throw tokenInvalid(reason);
    return value;
  };
  const issuer = need('iss', 'no issuer set');
  need('public_key', 'no public key set');
  const chain = need('tcs', 'no trust chain signature set');
  const id = need('jti', 'id not set');
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

function isSigned(key: Uint8Array, text: string, hexSignature: string): boolean {
  return verifyEd25519(key, {message: Buffer.from(text, 'utf8'), signature: Buffer.from(hexSignature, 'hex')});
}

function isHexSignature(text: string): boolean {
  return /^[0-9a-fA-F]{128}$/.test(text);
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({format: 'der', type: 'spki'}).subarray(-32);
}

function checkDates(claims: DecodedToken['claims'], nowMs: number): void {
  const expires = numberClaim(claims, 'exp');
  const starts = numberClaim(claims, 'nbf');
  if (expires !== undefined && nowMs >= expires * 1_000) throw tokenInvalid('token is expired', {expiredAt: expires});
  if (starts !== undefined && nowMs < starts * 1_000) throw tokenInvalid('token is not valid yet', {notBefore: starts});
}

function checkPurpose(claims: DecodedToken['claims'], purpose: TokenPurpose): void {
  const isSubject = purpose === 'choria_provisioning' && claims['sub'] === 'choria_provisioning';
  if (claims['purpose'] !== purpose && !isSubject) throw tokenInvalid(`not a ${purposeNames[purpose]} token`);
}

/** A client's chain counts only together with a chain issuer; for the others any chain signature needs one. */
function checkIssuerExpiry(
  claims: DecodedToken['claims'],
  options: {readonly purpose: TokenPurpose; readonly nowMs: number},
): void {
  const isChainIssued = textClaim(claims, 'iss').startsWith('C-');
  if (textClaim(claims, 'tcs') === '' || (options.purpose === 'choria_client_id' && !isChainIssued)) return;
  const ends = [numberClaim(claims, 'issexp'), numberClaim(claims, 'exp')].filter((value) => value !== undefined);
  const isLive =
    isChainIssued && numberClaim(claims, 'issexp') !== undefined && options.nowMs < Math.min(...ends) * 1_000;
  if (!isLive) throw tokenInvalid('token is expired');
}

function toToken(claims: DecodedToken['claims']): Token {
  const ends = [numberClaim(claims, 'exp'), numberClaim(claims, 'issexp')].filter((value) => value !== undefined);
  const key = textClaim(claims, 'public_key');
  const organization = textClaim(claims, 'ou');
  const permissions = claims['permissions'];
  const purpose = textClaim(claims, 'purpose');
  return {
    purpose,
    claims,
    name: textClaim(claims, purpose === 'choria_server' ? 'identity' : 'callerid'),
    organization: organization === '' ? undefined : organization,
    publicKey: isHexKey(key) ? Buffer.from(key, 'hex') : undefined,
    expiresAtMs: ends.length === 0 ? undefined : Math.min(...ends) * 1_000,
    hasPermission: (name) =>
      typeof permissions === 'object' &&
      permissions !== null &&
      Object.hasOwn(permissions, name) &&
      (permissions as Record<string, unknown>)[name] === true,
  };
}

/** Absent is empty; another type is refused, as it would be by the reference's decoder. */
function textClaim(claims: DecodedToken['claims'], name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw tokenInvalid(`its claim "${name}" is not a text`);
  return value;
}

function numberClaim(claims: DecodedToken['claims'], name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw tokenInvalid(`its claim "${name}" is not a number`);
  return value;
}
