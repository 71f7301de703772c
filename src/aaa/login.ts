/** Logging in: proves that the caller holds the key that the token will name, asks the authenticator, makes the token. */
import {isHexKey, issueToken, type TokenSigner, verifyEd25519} from '../crypto/index.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import type {Platform} from '../lib/platform.ts';
import type {Authenticator} from './authenticator.ts';
import {AaaError} from './errors.ts';
import {aaaLimits} from './limits.ts';
import type {AaaUser} from './settings.ts';

export interface LoginOptions {
  readonly authenticator: Authenticator;
  readonly signer: TokenSigner;
  readonly validityMs: number;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
}

export interface LoginFields {
  readonly username: string;
  readonly password: string;
  readonly publicKey: string;
  readonly timestamp: string;
  readonly signature: string;
}

/** @throws {AaaError} `ERR_AAA_LOGIN`; the message never holds the password */
export function readLogin(body: Uint8Array): LoginFields {
  const value = readObject(body);
  const text = (name: string): string => {
    const field = jsonField(value, name);
    if (typeof field === 'string') return field;
    throw refused(`it has no "${name}"`);
  };
  const fields = {
    username: text('username'),
    password: text('password'),
    publicKey: text('public_key'),
    timestamp: text('timestamp'),
    signature: text('signature'),
  };
  if (!/^[\w.@-]+$/.test(fields.username) || fields.username.length > aaaLimits.userNameCharactersMax) {
    throw refused('the user name is empty, too long or holds other characters than letters, digits and _ . @ -');
  }
  if (Buffer.byteLength(fields.password, 'utf8') > aaaLimits.passwordBytesMax)
    throw refused('the password is too long');
  return fields;
}

function readObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJson(body, {bytesMax: aaaLimits.bodyBytesMax});
  } catch (cause) {
    throw new AaaError('ERR_AAA_LOGIN', 'Cannot log in: the request is not JSON', {cause});
  }
  if (!isJsonObject(value)) throw refused('the request is no object');
  return value;
}

function refused(reason: string): AaaError {
  return new AaaError('ERR_AAA_LOGIN', `Cannot log in: ${reason}`);
}

/**
 * @returns the token
 * @throws {AaaError} `ERR_AAA_LOGIN` | `ERR_AAA_AUTHENTICATOR`
 */
export async function login(fields: LoginFields, options: LoginOptions): Promise<string> {
  const {authenticator, platform} = options;
  const nowMs = platform.clock.nowMs();
  checkProof(fields, nowMs);
  const user = await authenticator.authenticate({username: fields.username, password: fields.password});
  if (user === undefined)
    throw refused(`user ${JSON.stringify(fields.username)} is not known or the password is wrong`);
  return issueToken(claimsOf(user), {
    purpose: 'choria_client_id',
    signer: options.signer,
    nowMs,
    validityMs: options.validityMs,
    random: platform.random,
    publicKey: fields.publicKey,
  });
}

/** Who logs in signs the time, name and password: a stolen body is of use for a minute only, and only with its own key. */
function checkProof(fields: LoginFields, nowMs: number): void {
  const {publicKey, signature, timestamp} = fields;
  if (!isHexKey(publicKey)) throw refused('the public key is not 64 hex characters');
  if (!/^\d{1,12}$/.test(timestamp)) throw refused('the timestamp is no number of seconds');
  const ageMs = nowMs - Number(timestamp) * 1_000;
  if (ageMs < -999) throw refused('the timestamp is in the future: set the clocks of both sides');
  if (ageMs > aaaLimits.loginAgeSecondsMax * 1_000) {
    throw refused(`the timestamp is older than ${aaaLimits.loginAgeSecondsMax} s: set the clocks of both sides`);
  }
  const message = Buffer.from(`${timestamp}:${fields.username}:${fields.password}`, 'utf8');
  const isSigned =
    /^[0-9a-fA-F]{128}$/.test(signature) &&
    verifyEd25519(Buffer.from(publicKey, 'hex'), {message, signature: Buffer.from(signature, 'hex')});
  if (!isSigned) throw refused('the signature was not made with the key that is named');
}

function claimsOf(user: AaaUser): Readonly<Record<string, unknown>> {
  const permissions = Object.entries(user.permissions ?? {}).filter(([, isGiven]) => isGiven);
  return {
    callerid: `up=${user.name}`,
    ...(user.acls.length === 0 ? {} : {agents: user.acls}),
    ou: user.organization,
    ...(user.properties === undefined ? {} : {user_properties: user.properties}),
    ...(user.policy === undefined ? {} : {opa_policy: user.policy}),
    ...(permissions.length === 0 ? {} : {permissions: Object.fromEntries(permissions)}),
  };
}
