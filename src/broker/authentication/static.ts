/** Users, a token and nkeys known beforehand. For tests, closed set-ups and the system user; compares in constant time. */
import {createHash, timingSafeEqual} from 'node:crypto';
import {verifyNkeySignature} from '../../crypto/index.ts';
import type {Permissions} from '../permissions.ts';
import type {AuthDecision, Authenticator, ConnectFields, ConnectionFacts} from './types.ts';

export interface StaticUser {
  readonly account: string;
  readonly permissions?: Permissions;
  /** A name with a password, or an nkey (public, `U...`). */
  readonly user?: string;
  readonly password?: string;
  readonly nkey?: string;
}

export interface StaticCredentials {
  readonly users?: readonly StaticUser[];
  /** One token for everybody, and the account it opens. */
  readonly token?: {readonly text: string; readonly account: string};
}

export function isSameSecret(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(left), digest(right));
}

export function createStaticAuthenticator(credentials: StaticCredentials): Authenticator {
  const users = credentials.users ?? [];
  return {
    isNonceNeeded: users.some((user) => user.nkey !== undefined),
    isAnnounced: true,
    authenticate: (facts, connect) => decide(credentials, facts, connect),
  };
}

function decide(credentials: StaticCredentials, facts: ConnectionFacts, connect: ConnectFields): AuthDecision {
  const users = credentials.users ?? [];
  if (connect.nkey !== undefined) {
    const known = users.find((user) => user.nkey === connect.nkey);
    if (known === undefined) return {isAdmitted: false, reason: 'the nkey is not known'};
    return isNonceSigned(facts, connect, connect.nkey)
      ? admit(known, connect.nkey)
      : {isAdmitted: false, reason: 'the nonce is not signed by the nkey'};
  }
  const {token} = credentials;
  if (token !== undefined && connect.authToken !== undefined) {
    if (!isSameSecret(connect.authToken, token.text)) return {isAdmitted: false, reason: 'the token is wrong'};
    return {isAdmitted: true, account: token.account, user: '[token]'};
  }
  const known = users.find((user) => user.user !== undefined && user.user === connect.user);
  if (known?.user === undefined) return {isAdmitted: false, reason: 'no known user, token or nkey was given'};
  if (!isSameSecret(connect.password ?? '', known.password ?? '')) {
    return {isAdmitted: false, reason: `the password of "${known.user}" is wrong`};
  }
  return admit(known, known.user);
}

function admit(user: StaticUser, name: string): AuthDecision {
  return {
    isAdmitted: true,
    account: user.account,
    user: name,
    ...(user.permissions === undefined ? {} : {permissions: user.permissions}),
  };
}

/** Signatures come as base64url without padding, from old clients as standard base64; Node reads both. */
function isNonceSigned(facts: ConnectionFacts, connect: ConnectFields, nkey: string): boolean {
  if (facts.nonce === undefined || connect.signature === undefined) return false;
  const signature = Buffer.from(connect.signature, 'base64url');
  return verifyNkeySignature(nkey, {message: Buffer.from(facts.nonce, 'utf8'), signature});
}
