/** Seeds give their public keys; tokens are signed by a key of the file, directly or through its chain. */
import {createPublicKey, type KeyObject} from 'node:crypto';
import {
  CryptoError,
  decodeToken,
  ed25519PrivateKey,
  ed25519PublicFromSeed,
  ed25519PublicKey,
  parseSeed,
  readToken,
  signEd25519,
  type TokenPurpose,
  verifyEd25519,
  verifyToken,
} from '../../../../src/crypto/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';

interface File {
  readonly ed25519?: Readonly<Record<string, {readonly seed: string; readonly public: string}>>;
  readonly tokens?: Readonly<Record<string, string>>;
}

function isTrusted(token: string, key: KeyObject): boolean {
  const iat = decodeToken(token).claims['iat'];
  try {
    verifyToken(token, {key, purpose: readToken(token).purpose as TokenPurpose, nowMs: (Number(iat) + 1) * 1_000});
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

const judge: Judge = async ({data}) => {
  const file = data as File;
  const pairs = Object.entries(file.ed25519 ?? {});
  const keys = pairs.map(([name, pair]): CaseResult => {
    const seed = parseSeed(pair.seed);
    const message = Buffer.from(name);
    const publicKey = ed25519PublicFromSeed(seed);
    const verifies = verifyEd25519(Buffer.from(pair.public, 'hex'), {message, signature: signEd25519(seed, message)});
    const isSameObject = createPublicKey(ed25519PrivateKey(seed)).equals(ed25519PublicKey(publicKey));
    return judgeEqual(
      `key ${name}`,
      {public: pair.public, verifies: true, isSameObject: true},
      {public: publicKey.toString('hex'), verifies, isSameObject},
    );
  });
  const tokens = Object.entries(file.tokens ?? {}).map(([name, token]): CaseResult => {
    const signers = pairs.filter(([, pair]) => isTrusted(token, ed25519PublicKey(Buffer.from(pair.public, 'hex'))));
    return judgeEqual(`token ${name}`, 1, signers.length);
  });
  return [...keys, ...tokens];
};

export default judge;
