/** Reads claims of a known type. */
import {foldCase} from '../lib/json.ts';
import {type DecodedToken, tokenInvalid} from './jwt.ts';

/** Absent is empty; another type is refused, as it would be by the reference's decoder. */
export function textClaim(claims: DecodedToken['claims'], name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw tokenInvalid(`its claim "${name}" is not a text`);
  return value;
}

export function numberClaim(claims: DecodedToken['claims'], name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return undefined;
  // Seconds that no 64 bits hold are an error elsewhere; here they would be a token without an end.
  if (typeof value !== 'number' || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw tokenInvalid(`its claim "${name}" is not a number of seconds`);
  }
  return value;
}

type ClaimKind = 'text' | 'number' | 'list';

/** Claims that decide something, and what they are. */
const claimKinds: Readonly<Record<string, ClaimKind | 'permissions'>> = {
  purpose: 'text',
  jti: 'text',
  iss: 'text',
  sub: 'text',
  public_key: 'text',
  tcs: 'text',
  callerid: 'text',
  identity: 'text',
  ou: 'text',
  opa_policy: 'text',
  iat: 'number',
  nbf: 'number',
  exp: 'number',
  issexp: 'number',
  agents: 'list',
  collectives: 'list',
  pub_subjects: 'list',
  sub_subjects: 'list',
  permissions: 'permissions',
};

const permissionNames: ReadonlySet<string> = new Set([
  'streams_admin',
  'streams_user',
  'events_viewer',
  'election_user',
  'system_user',
  'governor',
  'org_admin',
  'fleet_management',
  'signed_fleet_management',
  'service',
  'authentication_delegator',
  'provisioner',
  'submission',
  'streams',
  'service_host',
]);

/**
 * Refuses what the programs of a fleet would read in different ways: a claim of another type, and a name that differs from a known one in
 * nothing but case, which others take for it.
 *
 * @throws {CryptoError} `ERR_TOKEN_INVALID`
 */
export function checkClaims(claims: DecodedToken['claims']): void {
  checkNames(claims, (name) => Object.hasOwn(claimKinds, name));
  for (const [name, kind] of Object.entries(claimKinds)) {
    if (kind === 'text') textClaim(claims, name);
    else if (kind === 'number') numberClaim(claims, name);
    else if (kind === 'list') checkList(claims, name);
    else checkPermissions(claims, name);
  }
}

function checkNames(object: Readonly<Record<string, unknown>>, isKnown: (name: string) => boolean): void {
  for (const name of Object.keys(object)) {
    if (!isKnown(name) && isKnown(foldCase(name))) {
      throw tokenInvalid(`it says ${JSON.stringify(name)}, expected "${foldCase(name)}"`);
    }
  }
}

function checkList(claims: DecodedToken['claims'], name: string): void {
  const value = Object.hasOwn(claims, name) ? (claims[name] ?? []) : [];
  if (Array.isArray(value) && value.every((item) => item === null || typeof item === 'string')) return;
  throw tokenInvalid(`its claim "${name}" is not a list of texts`);
}

function checkPermissions(claims: DecodedToken['claims'], name: string): void {
  const value = Object.hasOwn(claims, name) ? (claims[name] ?? {}) : {};
  if (typeof value !== 'object' || Array.isArray(value)) throw tokenInvalid(`its claim "${name}" is not an object`);
  const permissions = value as Readonly<Record<string, unknown>>;
  checkNames(permissions, (item) => permissionNames.has(item));
  for (const [item, given] of Object.entries(permissions)) {
    if (permissionNames.has(item) && given !== null && typeof given !== 'boolean') {
      throw tokenInvalid(`its permission "${item}" is neither true nor false`);
    }
  }
}
