/**
 * What an operator took back before its time: tokens, keys, certificates, names.
 *
 * A text file, one thing a line, `#` begins a comment. A line that says anything else makes the list unusable: a typing mistake must not leave
 * somebody in.
 *
 *     token 3MOssArAVxrJslnofjz6LezXjMz up=bob
 *     key fd39df67af71fb7d32c74570d7a04da26b5da8e697e0cc89cf8351a1f9b9f6e0
 *     certificate 4F:1A:09 node1.example.net
 *     identity node1.example.net
 *     caller up=bob
 */
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';
import type {ProvenCaller} from './types.ts';

/** What can be named by a revocation. */
export interface CredentialFacts {
  /** Caller id, identity or common name. */
  readonly names: readonly string[];
  /** Token ids, hex keys, fingerprints and serial numbers in lower case. */
  readonly ids: readonly string[];
}

export interface Revocations {
  /** Why this is refused, for the log; undefined when it is not. */
  reasonFor(credential: CredentialFacts): string | undefined;
}

interface Lists {
  readonly names: Set<string>;
  readonly ids: Set<string>;
}

/** What each kind of line adds; false when the value is none of its kind. */
const kinds: Readonly<Record<string, (value: string, lists: Lists) => boolean>> = {
  certificate: (value, {ids}) => addId(ids, normalHex(value), /^[0-9a-f]{1,64}$/),
  token: (value, {ids}) => addId(ids, value, /^[\w.-]{1,255}$/),
  key: (value, {ids}) => addId(ids, value.toLowerCase(), /^[0-9a-f]{64}$/),
  identity: (value, {names}) => addName(names, value),
  caller: (value, {names}) => {
    // Certificates hold the name alone.
    if (value.startsWith('choria=')) addName(names, value.slice('choria='.length));
    return addName(names, value);
  },
};

/** @throws {CryptoError} `ERR_REVOCATIONS_INVALID` */
export function parseRevocations(text: string, path: string): Revocations {
  const lists: Lists = {names: new Set(), ids: new Set()};
  const lines = text.split('\n');
  if (lines.length > cryptoLimits.revocationLinesMax) {
    throw unusable(path, `it has ${lines.length} lines, at most ${cryptoLimits.revocationLinesMax} are accepted`);
  }
  for (const [index, line] of lines.entries()) {
    const words = line
      .replace(/(^|\s)#.*$/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    const [kind = '', value = ''] = words;
    if (words.length === 0) continue;
    const add = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (add !== undefined && value !== '' && words.length <= 3 && add(value, lists)) continue;
    throw unusable(
      path,
      `line ${index + 1} is none of "certificate", "token", "key", "identity", "caller" and its value`,
    );
  }
  return {
    reasonFor(credential) {
      const name = credential.names.find((item) => lists.names.has(item));
      if (name !== undefined) return `${JSON.stringify(name)} is revoked`;
      return credential.ids.some((id) => lists.ids.has(id)) ? 'its token, key or certificate is revoked' : undefined;
    },
  };
}

/** By what a request can be refused: who called, who signed, and the tokens and keys that proved it. */
export function provenCredential(proven: ProvenCaller): CredentialFacts {
  const ids = [proven.claims, proven.signerClaims].flatMap((claims) =>
    ['jti', 'public_key'].map((name) => claims?.[name]).filter((value): value is string => typeof value === 'string'),
  );
  return {names: [proven.callerId, proven.signedBy], ids};
}

/** Serial numbers and fingerprints are written in either case, with colons and with zeros in front. */
export function normalHex(text: string): string {
  return text
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/^0+(?=.)/, '');
}

function addId(ids: Set<string>, value: string, shape: RegExp): boolean {
  if (!shape.test(value)) return false;
  ids.add(value);
  return true;
}

function addName(names: Set<string>, value: string): boolean {
  names.add(value);
  return value !== '';
}

function unusable(path: string, reason: string): CryptoError {
  return new CryptoError('ERR_REVOCATIONS_INVALID', `Cannot use the list of revocations "${path}": ${reason}`);
}
