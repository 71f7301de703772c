/**
 * Choria's tokens: who a client or a server is, what it may do, and who vouches for it (spec security 4).
 *
 * A token is signed by the organisation's key, or by a chain issuer whom that key vouched for in `iss` and `tcs`. There is one
 * level of chain and no more.
 */
import type {KeyObject} from 'node:crypto';
import {ed25519PublicKey, isHexKey} from './ed25519.ts';
import {type DecodedToken, decodeToken, isTokenSignedBy, tokenInvalid} from './jwt.ts';
import {checkClaims, numberClaim, textClaim} from './token-claims.ts';
import {verifyChain} from './token-chain.ts';

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
  checkClaims(claims);
  const ends = [numberClaim(claims, 'exp'), numberClaim(claims, 'issexp')].filter((value) => value !== undefined);
  const key = textClaim(claims, 'public_key');
  const organization = textClaim(claims, 'ou');
  const permissions = claims['permissions'];
  // Provisioning tokens of older programs say it as their subject only.
  const isProvisioning = textClaim(claims, 'sub') === 'choria_provisioning';
  const purpose = textClaim(claims, 'purpose') || (isProvisioning ? 'choria_provisioning' : '');
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
