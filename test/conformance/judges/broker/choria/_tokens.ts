/** Asks the broker's decision about the tokens of `broker/choria/keys.json`, with the issuer of that file. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {type AuthDecision, createBrokerAuthenticator} from '../../../../../src/broker/index.ts';
import {parseSeed, readToken, signEd25519} from '../../../../../src/crypto/index.ts';

export interface KeysFile {
  readonly issuer: {readonly name: string; readonly public: string};
  readonly tokens: Readonly<Record<string, {readonly jwt: string; readonly seed: string}>>;
}

export function readKeys(vectorsDirectory: string): KeysFile {
  return JSON.parse(readFileSync(join(vectorsDirectory, 'broker', 'choria', 'keys.json'), 'utf8')) as KeysFile;
}

/** A moment when every token was made; those that had ended by then are expired. */
export function captureTimeMs(keys: KeysFile): number {
  const issued = Object.values(keys.tokens).map(({jwt}) => Number(readToken(jwt).claims['iat']));
  return (Math.max(...issued) + 60) * 1_000;
}

export async function decideAbout(name: string, keys: KeysFile): Promise<AuthDecision> {
  const token = keys.tokens[name];
  if (token === undefined) return {isAdmitted: false, reason: `keys.json has no token "${name}"`};
  const nonce = 'a-nonce-of-the-test';
  const authenticator = createBrokerAuthenticator({
    clock: {nowMs: () => captureTimeMs(keys)},
    issuers: {[keys.issuer.name]: Buffer.from(keys.issuer.public, 'hex')},
  });
  return authenticator.authenticate(
    {
      clientId: 1,
      kind: 'client',
      remoteAddress: '127.0.0.1',
      tls: {version: 'TLSv1.3', cipher: '', peerVerified: false},
      nonce,
    },
    {
      user: undefined,
      password: undefined,
      authToken: token.jwt,
      jwt: token.jwt,
      nkey: undefined,
      signature: signEd25519(parseSeed(token.seed), Buffer.from(nonce)).toString('base64url'),
      name,
    },
  );
}
