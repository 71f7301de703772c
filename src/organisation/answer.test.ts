import {X509Certificate} from 'node:crypto';
import {beforeAll, describe, expect, test} from 'vitest';
import {createFakePlatform, type FakePlatform} from '../../test/support/fake-platform.ts';
import {createCertificateRequest, ed25519PublicKey, generateKey, verifyToken} from '../crypto/index.ts';
import {
  answerProvisioner,
  createOrganisation,
  organisationStatus,
  type OrganisationSecurity,
  revokeMember,
} from './index.ts';

const directory = '/srv/acme';
const key = (letter: string): string => letter.repeat(64);

async function setUp(security: OrganisationSecurity): Promise<FakePlatform> {
  const fake = createFakePlatform({env: {USER: 'rip'}});
  await createOrganisation(fake.platform, {
    directory,
    security,
    broker: {host: 'broker.example.net', port: 4222},
    nodes: [{name: 'web1.example.net'}],
    operators: ['rip'],
  });
  return fake;
}

interface Answer {
  readonly defer?: boolean;
  readonly msg?: string;
  readonly configuration?: Readonly<Record<string, string>>;
  readonly certificate?: string;
  readonly ca?: string;
  readonly action_policies?: Readonly<Record<string, string>>;
}

async function ask({platform}: FakePlatform, question: unknown): Promise<Answer> {
  const bytes = Buffer.from(typeof question === 'string' ? question : JSON.stringify(question));
  return JSON.parse(await answerProvisioner(platform, {directory, question: bytes})) as Answer;
}

const byToken = (identity: string, publicKey = key('a')) => ({
  identity,
  csr: null,
  ed25519_pubkey: {public_key: publicKey, directory: '/etc/choria', signature: ''},
  inventory: '{}',
});

describe('what init prepares for machines that join by themselves, with tokens', () => {
  let fake: FakePlatform;
  beforeAll(async () => {
    fake = await setUp('jwt');
  });
  const text = (path: string): string => fake.files.text(`${directory}/${path}`) ?? '';

  test('an image token that the issuer signed and that names broker, secret and version', () => {
    const {issuer} = JSON.parse(text('organisation.json')) as {readonly issuer: string};
    const settings = text('provisioning/provisioner.yaml');
    const {claims} = verifyToken(text('provisioning/provisioning.jwt'), {
      key: ed25519PublicKey(Buffer.from(issuer, 'hex')),
      purpose: 'choria_provisioning',
      nowMs: fake.platform.clock.nowMs(),
    });
    expect(claims).toMatchObject({
      chu: 'nats://broker.example.net:4222',
      chpd: true,
      chs: false,
      v2: true,
      ou: 'choria',
    });
    expect(settings).toContain(`"token": "${String(claims['cht'])}"`);
    const password = /client_password = (\S+)/.exec(text('broker/broker.conf'))?.[1] ?? 'none';
    expect(settings).toContain(`"broker_provisioning_password": "${password}"`);
  });

  test('everything secret is its owner’s alone', async () => {
    for (const name of ['provisioning.jwt', 'provisioner.yaml', 'provisioner.conf', 'token.jwt', 'seed']) {
      expect((await fake.files.stat(`${directory}/provisioning/${name}`)).mode, name).toBe(0o600);
    }
  });

  test('an answer with a whole configuration at the node’s own place, and policies without groups', async () => {
    const answer = await ask(fake, byToken('vm1.example.net'));
    expect(answer.configuration).toMatchObject({
      identity: 'vm1.example.net',
      'plugin.security.provider': 'choria',
      'plugin.security.choria.token_file': '/etc/choria/server.jwt',
      'plugin.security.choria.seed_file': '/etc/choria/server.seed',
      'plugin.security.choria.ca': '/etc/choria/ssl/ca.pem',
      'plugin.choria.server.provision': 'false',
      rpcaudit: 'true',
    });
    expect(answer.ca).toBe(text('authority/ca.pem'));
    expect(answer.action_policies?.['default.policy']).toContain('allow\tup=rip\t*\t*\t*\n');
    const {members} = await organisationStatus(fake.platform, directory);
    expect(members.find(({name}) => name === 'vm1.example.net')).toMatchObject({kind: 'node', state: 'valid'});
  });

  test('a name that somebody has is not given again, until it is revoked; the same machine may ask again', async () => {
    await ask(fake, byToken('vm2.example.net', key('b')));
    expect((await ask(fake, byToken('vm2.example.net', key('b')))).configuration).toBeDefined();
    for (const taken of ['vm2.example.net', 'web1.example.net']) {
      expect(await ask(fake, byToken(taken, key('c')))).toMatchObject({
        defer: true,
        msg: expect.stringContaining(`choria init revoke ${taken}`) as string,
      });
    }
    // Another spelling is the same host; its own key makes no difference.
    for (const owner of ['b', 'c']) {
      expect(await ask(fake, byToken('VM2.example.net', key(owner)))).toMatchObject({
        defer: true,
        msg: expect.stringContaining('there is a node vm2.example.net already') as string,
      });
    }
    await revokeMember(fake.platform, {directory, name: 'vm2.example.net'});
    expect(text('broker/revoked')).toContain(`token ${key('b')} vm2.example.net\n`);
    expect((await ask(fake, byToken('vm2.example.net', key('c')))).configuration).toBeDefined();
  });

  test.each(['rip.mcollective', 'a/b', '../x', '', 'a b', 'x.choria', 'a\nb', 'broker.example.net'])(
    'fault 63: a machine that calls itself %j gets nothing',
    async (identity) => {
      const before = fake.files.paths.length;
      expect(await ask(fake, byToken(identity))).toMatchObject({defer: true});
      expect(fake.files.paths).toHaveLength(before);
    },
  );

  test.each([
    ['', /expected JSON/],
    ['[]', /expected a JSON object/],
    ['{"identity":"vm3"}', /neither a key nor a signing request/],
    [JSON.stringify({...byToken('vm3'), ed25519_pubkey: {public_key: key('a'), directory: '/a\nb'}}), /neither a key/],
    [JSON.stringify({...byToken('vm3'), ed25519_pubkey: {public_key: key('a'), directory: 'etc'}}), /neither a key/],
  ])('%j is an error', async (question, says) => {
    await expect(ask(fake, question)).rejects.toThrow(says);
  });

  test('a key that is none is put off', async () => {
    expect(await ask(fake, byToken('vm4', 'AB'))).toMatchObject({defer: true, msg: 'the node gave no ed25519 key'});
  });
});

test('with certificates a signing request becomes a certificate of that name alone, for its own key', async () => {
  const fake = await setUp('x509');
  const {privateKeyPem, publicKeyPem} = await generateKey('ec');
  const request = createCertificateRequest({
    keyPem: privateKeyPem,
    commonName: 'vm1.example.net',
    dnsNames: ['rip.mcollective', 'web1.example.net'],
  });
  const answer = await ask(fake, {
    identity: 'vm1.example.net',
    csr: {csr: request.pem, public_key: '', ssldir: '/etc/choria/ssl'},
    ed25519_pubkey: null,
  });
  const certificate = new X509Certificate(answer.certificate ?? '');
  expect(certificate.subject).toBe('CN=vm1.example.net');
  expect(certificate.subjectAltName).toBe('DNS:vm1.example.net');
  expect(certificate.publicKey.export({type: 'spki', format: 'pem'})).toBe(publicKeyPem);
  expect(answer.configuration).toMatchObject({
    'plugin.security.provider': 'file',
    'plugin.security.file.key': '/etc/choria/ssl/private.pem',
  });
  expect(answer.configuration?.['plugin.security.crl_file']).toBeUndefined();
  expect(fake.files.text(`${directory}/broker/broker.conf`)).toContain(
    `provisioning.signer_cert = ${directory}/broker/provisioning.pub\n`,
  );
  await revokeMember(fake.platform, {directory, name: 'vm1.example.net'});
  expect(fake.files.text(`${directory}/broker/revoked`)).toContain(certificate.serialNumber.toLowerCase());
});
