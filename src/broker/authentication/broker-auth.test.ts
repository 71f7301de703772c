/** What the broker decides beyond the vectors: revocations, the provisioner's nonce, ends of tokens, claims that are no subjects. */
import {randomBytes} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {
  ed25519PrivateKey,
  ed25519PublicFromSeed,
  parseRevocations,
  signEd25519,
  signToken,
} from '../../crypto/index.ts';
import {CompiledPermissions} from '../permissions.ts';
import {createBrokerAuthenticator, type BrokerAuthOptions} from './broker-auth.ts';
import {nodePermissions} from './certificate.ts';
import type {ConnectFields, ConnectionFacts} from './types.ts';

const nowMs = Date.UTC(2026, 10, 21, 12);
const organization = randomBytes(32);
const holder = randomBytes(32);
const tls = {version: 'TLSv1.3', cipher: '', peerVerified: false};
const facts: ConnectionFacts = {clientId: 1, kind: 'client', remoteAddress: '192.0.2.1', tls, nonce: 'AbCdEf'};
const nobody: ConnectFields = {
  user: undefined,
  password: undefined,
  authToken: undefined,
  jwt: undefined,
  nkey: undefined,
  signature: undefined,
  name: undefined,
};

function token(claims: Readonly<Record<string, unknown>>): string {
  return signToken(
    {
      ou: 'choria',
      public_key: ed25519PublicFromSeed(holder).toString('hex'),
      iss: 'Choria Tokens Package',
      jti: '3MOssArAVxrJslnofjz6LezXjMz',
      exp: nowMs / 1_000 + 60,
      ...claims,
    },
    ed25519PrivateKey(organization),
  );
}

function client(claims: Readonly<Record<string, unknown>> = {}): string {
  return token({purpose: 'choria_client_id', callerid: 'up=bob', ...claims});
}

function server(claims: Readonly<Record<string, unknown>> = {}): string {
  return token({purpose: 'choria_server', identity: 'n1.example.net', collectives: ['choria'], ...claims});
}

const signature = signEd25519(holder, Buffer.from('AbCdEf')).toString('base64url');

async function ask(
  connect: Partial<ConnectFields>,
  change: {readonly options?: Partial<BrokerAuthOptions>; readonly facts?: Partial<ConnectionFacts>} = {},
): Promise<string> {
  const authenticator = createBrokerAuthenticator({
    clock: {nowMs: () => nowMs},
    issuers: {choria: ed25519PublicFromSeed(organization)},
    ...change.options,
  });
  const decision = await authenticator.authenticate({...facts, ...change.facts}, {...nobody, ...connect});
  return decision.isAdmitted ? `${decision.account} ${decision.user}` : decision.reason;
}

describe('tokens', () => {
  test('a client and a server with a signed nonce are admitted to the fleet', async () => {
    expect(await ask({authToken: client(), signature})).toBe('choria up=bob');
    expect(await ask({authToken: server(), signature})).toBe('choria n1.example.net');
  });

  test('the end of the token is the end of the connection', async () => {
    const authenticator = createBrokerAuthenticator({
      clock: {nowMs: () => nowMs},
      issuers: {choria: ed25519PublicFromSeed(organization)},
    });
    const decision = await authenticator.authenticate(facts, {...nobody, authToken: client(), signature});
    expect(decision).toMatchObject({expiresAtMs: nowMs + 60_000});
  });

  test.each([
    ['over no TLS', {}, {tls: undefined}, /without TLS/],
    ['that the connection did not sign for', {signature: undefined}, {}, /connection nonce was not signed/],
    ['signed in another alphabet', {signature: `${signature}==`}, {}, /invalid url encoded signature/],
    ['signed for another nonce', {}, {nonce: 'other'}, /did not verify/],
    ['when no nonce was asked', {}, {nonce: undefined}, /did not generate a nonce/],
    ['on a leaf node connection', {}, {kind: 'leafnode'}, /presented by a leafnode connection/],
  ] as const)('a token %s is refused', async (_name, connect, change, reason) => {
    expect(await ask({authToken: client(), signature, ...connect}, {facts: change})).toMatch(reason);
  });

  test.each([
    ['an identity that is a pattern', server({identity: '*'})],
    ['a collective that is a pattern', server({collectives: ['>']})],
    ['a collective with a blank', server({collectives: ['a b']})],
    ['subjects that are no list', server({pub_subjects: 'x'})],
    ['an organization that is a pattern', client({ou: '*', permissions: {streams_user: true}})],
  ])('%s is refused, for it would become a subject', async (_name, authToken) => {
    const issuers = {choria: ed25519PublicFromSeed(organization), '*': ed25519PublicFromSeed(organization)};
    expect(await ask({authToken, signature}, {options: {issuers}})).toMatch(/cannot be part of a subject|not a list/);
  });

  test('a good token does not fall back to a good certificate when it fails', async () => {
    const peerCertificate = {
      commonName: 'bob.mcollective',
      subjectAltNames: [],
      validToMs: nowMs + 1_000,
      fingerprint256: 'AA',
      pem: '',
    };
    const change = {facts: {tls: {...tls, peerVerified: true, peerCertificate}}, options: {issuers: {}}};
    expect(await ask({authToken: client(), signature}, change)).toMatch(/denying all clients/);
    expect(await ask({}, change)).toBe('choria bob.mcollective');
  });
});

describe('the provisioner', () => {
  const options = {provisioning: {password: 's3cret'}};
  const authToken = client({permissions: {provisioner: true}});

  test('needs its password, its token and the nonce signed by the key of the token', async () => {
    const user = {user: 'provisioner', password: 's3cret', authToken, signature};
    expect(await ask(user, {options})).toBe('provisioning provisioner');
    expect(await ask({...user, signature: undefined}, {options})).toMatch(/nonce was not signed/);
    expect(await ask({...user, password: 's3creT'}, {options})).toMatch(/invalid provisioner password/);
    expect(await ask({...user, authToken: client()}, {options})).toMatch(/provisioner claim is false/);
  });
});

describe('revocations', () => {
  const list = (text: string) => ({options: {revocations: parseRevocations(text, 'revoked.txt')}});

  test.each([
    ['the name', 'caller up=bob'],
    ['the token', 'token 3MOssArAVxrJslnofjz6LezXjMz up=bob # lost laptop'],
    ['the key', `key ${ed25519PublicFromSeed(holder).toString('hex').toUpperCase()}`],
  ])('%s that was revoked is refused', async (_name, text) => {
    expect(await ask({authToken: client(), signature}, list(`# list\n\n${text}\n`))).toMatch(/revoked/);
  });

  test('others stay', async () => {
    expect(await ask({authToken: client(), signature}, list('caller up=alice\n'))).toBe('choria up=bob');
  });

  test.each(['up=bob', 'caller', 'caller a b c', 'key 12', 'certificate zz', 'constructor x'])(
    '%j is a line that nobody means',
    (line) => {
      expect(() => parseRevocations(line, 'revoked.txt')).toThrow(/revoked\.txt.*line 1/);
    },
  );
});

test('a node that shows a certificate never hears what callers send to the signing service', () => {
  const node = new CompiledPermissions(nodePermissions(['n1.example.net']));
  expect(node.maySubscribe('choria.broadcast.service.choria_registry', 'g')).toBe(true);
  for (const subject of ['choria.broadcast.service.aaa_signer', '*.broadcast.service.aaa_signer'])
    for (const queue of [undefined, 'aaa_signer']) expect(node.maySubscribe(subject, queue), subject).toBe(false);
});
