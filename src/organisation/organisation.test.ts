import {createPrivateKey, X509Certificate} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {
  createCertificateVerifier,
  ed25519PublicFromSeed,
  ed25519PublicKey,
  parseSeed,
  readToken,
  verifyToken,
} from '../crypto/index.ts';
import {createFakePlatform, type FakePlatform} from '../../test/support/fake-platform.ts';
import {systemError} from '../../test/support/fake-files.ts';
import {addMembers, createOrganisation, moveBroker, organisationStatus, renewMembers, revokeMember} from './index.ts';

const directory = '/srv/acme';
const dayMs = 86_400_000;

/** Keys of callers take a moment to make, so one set-up is made and copied. */
const madeOnce = (async () => {
  const fake = createFakePlatform({env: {USER: 'rip'}});
  await createOrganisation(fake.platform, {
    directory,
    broker: {host: 'broker.example.net', port: 4222},
    nodes: [{name: 'web1.example.net', facts: {country: 'mt', note: '"quoted": yes'}, classes: ['roles::web']}],
    operators: ['rip'],
  });
  return fake.files;
})();

async function setUp(): Promise<FakePlatform> {
  const made = await madeOnce;
  // Another seed, or serial numbers would repeat.
  const fake = createFakePlatform({env: {USER: 'rip'}, seed: 2});
  for (const path of made.paths) {
    const {mode} = await made.stat(path);
    fake.files.put(path, await made.read(path, {limitBytes: 1_000_000}), {mode});
  }
  return fake;
}

function pem(fake: FakePlatform, path: string): string {
  return fake.files.text(`${directory}/${path}`) ?? '';
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return (error as {readonly code?: string}).code ?? String(error);
  }
}

describe('a new organisation', () => {
  test('gives every member a folder with a certificate of its own authority, a key and a configuration', async () => {
    const fake = await setUp();
    const authority = new X509Certificate(pem(fake, 'authority/ca.pem'));
    for (const [folder, name, config] of [
      ['broker', 'broker.example.net', 'broker.conf'],
      ['nodes/web1.example.net', 'web1.example.net', 'server.conf'],
      ['users/rip.mcollective', 'rip.mcollective', 'client.conf'],
    ] as const) {
      const certificate = new X509Certificate(pem(fake, `${folder}/certificate.pem`));
      expect(certificate.subject, folder).toBe(`CN=${name}`);
      expect(certificate.verify(authority.publicKey), folder).toBe(true);
      expect(certificate.checkPrivateKey(createPrivateKey(pem(fake, `${folder}/key.pem`))), folder).toBe(true);
      expect(pem(fake, `${folder}/${config}`), folder).toContain(
        `plugin.security.file.key = ${directory}/${folder}/key.pem`,
      );
    }
  });

  test('keeps private keys and configurations to their owner', async () => {
    const fake = await setUp();
    const secret = fake.files.paths.filter((path) => /\.key$|key\.pem$|\.conf$/.test(path));
    expect(secret).toHaveLength(9);
    for (const path of secret) expect((await fake.files.stat(path)).mode, path).toBe(0o600);
  });

  test('gives callers RSA keys, which protocol version 1 signs with, and lets only the broker be a TLS server', async () => {
    const fake = await setUp();
    const usages = (path: string): readonly string[] | undefined => new X509Certificate(pem(fake, path)).keyUsage;
    expect(createPrivateKey(pem(fake, 'users/rip.mcollective/key.pem')).asymmetricKeyType).toBe('rsa');
    expect(usages('broker/certificate.pem')).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(usages('nodes/web1.example.net/certificate.pem')).toEqual(['1.3.6.1.5.5.7.3.2']);
  });

  test('denies by default, allows operators everything, and audits', async () => {
    const fake = await setUp();
    expect(pem(fake, 'nodes/web1.example.net/policies/default.policy')).toContain(
      'policy default deny\nallow\toperators\t*\t*\t*\n',
    );
    expect(pem(fake, 'nodes/web1.example.net/policies/groups')).toContain('operators choria=rip.mcollective\n');
    const config = pem(fake, 'nodes/web1.example.net/server.conf');
    expect(config).toContain('rpcaudit = true\n');
    expect(config).toContain('rpcauthorization = true\n');
  });

  test.each(['', 'web1/../x', '..', '-x', 'a b', 'x'.repeat(65), 'rip.mcollective', 'näme', 'a..b', 'x\ny'])(
    'refuses %j as the name of a node',
    async (name) => {
      const {platform} = createFakePlatform();
      const broker = {host: 'localhost', port: 4222};
      const work = createOrganisation(platform, {directory, broker, nodes: [{name}], operators: ['rip']});
      expect(await codeOf(work)).toBe('ERR_ORGANISATION_NAME');
    },
  );

  test.each(['', '../rip', 'r ip', 'boss.privileged', 'boss.privileged.mcollective', 'x'.repeat(60)])(
    'refuses %j as the name of a user',
    async (name) => {
      const {platform} = createFakePlatform();
      const broker = {host: 'localhost', port: 4222};
      const work = createOrganisation(platform, {directory, broker, nodes: [], operators: [name]});
      expect(await codeOf(work)).toBe('ERR_ORGANISATION_NAME');
    },
  );

  test('never overwrites what is there, and with force keeps it under another name', async () => {
    const fake = await setUp();
    const before = pem(fake, 'authority/ca.key');
    const options = {directory, broker: {host: 'localhost', port: 4222}, nodes: [], operators: ['rip']};
    expect(await codeOf(createOrganisation(fake.platform, options))).toBe('ERR_ORGANISATION_EXISTS');
    expect(pem(fake, 'authority/ca.key')).toBe(before);
    const {replaced} = await createOrganisation(fake.platform, {...options, force: true});
    expect(fake.files.text(`${replaced}/authority/ca.key`)).toBe(before);
    expect(pem(fake, 'authority/ca.key')).not.toBe(before);
  });

  test('fault 55: a full disk at any write leaves nothing half', async () => {
    const whole = await setUp();
    for (let failing = 0; failing < whole.files.paths.length - 5; failing += 1) {
      const fake = createFakePlatform();
      let writes = 0;
      fake.files.fault = (operation, path) => {
        if (operation !== 'writeAtomic') return undefined;
        writes += 1;
        return writes - 1 === failing ? systemError('ENOSPC', path) : undefined;
      };
      const work = createOrganisation(fake.platform, {
        directory,
        broker: {host: 'localhost', port: 4222},
        nodes: [{name: 'n1'}],
        operators: [],
      });
      expect(await codeOf(work)).toBe('ERR_ORGANISATION_WRITE');
      expect(fake.files.paths).toEqual([]);
    }
  });
});

describe('an organisation with tokens', () => {
  async function setUpTokens(): Promise<FakePlatform> {
    const fake = createFakePlatform();
    await createOrganisation(fake.platform, {
      directory,
      security: 'jwt',
      broker: {host: 'broker.example.net', port: 4222},
      nodes: [{name: 'web1.example.net'}],
      operators: ['rip'],
    });
    return fake;
  }
  const issuerKey = (fake: FakePlatform) => {
    const hex = /public = ([0-9a-f]{64})/.exec(pem(fake, 'broker/broker.conf'))?.[1] ?? '';
    return ed25519PublicKey(Buffer.from(hex, 'hex'));
  };

  test('gives nodes and users a token of its issuer for the seed beside it, and the broker a certificate too', async () => {
    const fake = await setUpTokens();
    const nowMs = fake.clock.nowMs() + 1_000;
    for (const [folder, purpose, name] of [
      ['nodes/web1.example.net', 'choria_server', 'web1.example.net'],
      ['users/rip', 'choria_client_id', 'up=rip'],
    ] as const) {
      const token = verifyToken(pem(fake, `${folder}/token.jwt`), {key: issuerKey(fake), purpose, nowMs});
      expect(token.name).toBe(name);
      expect(token.publicKey).toEqual(ed25519PublicFromSeed(parseSeed(pem(fake, `${folder}/seed`))));
      expect(pem(fake, `${folder}/certificate.pem`)).toBe('');
    }
    expect(pem(fake, 'broker/certificate.pem')).toContain('BEGIN CERTIFICATE');
    expect(pem(fake, 'nodes/web1.example.net/policies/groups')).toContain('operators up=rip\n');
  });

  test('keeps seeds, tokens and the issuer to their owner', async () => {
    const fake = await setUpTokens();
    const secret = fake.files.paths.filter((path) => /seed$|\.jwt$|\.key$|key\.pem$/.test(path));
    expect(secret).toHaveLength(12);
    for (const path of secret) expect((await fake.files.stat(path)).mode, path).toBe(0o600);
  });

  test('gives no name to a user that a node has, in any case: what is revoked is named by its name alone', async () => {
    const fake = await setUpTokens();
    const {platform} = fake;
    for (const wanted of [
      {nodes: [{name: 'rip'}]},
      {nodes: [{name: 'RIP'}]},
      {nodes: [{name: 'WEB1.example.net'}]},
      {nodes: [{name: 'provisioner'}]},
      {users: [{name: 'web1.example.net', role: 'reader' as const}]},
      {nodes: [{name: 'new1'}], users: [{name: 'new1', role: 'reader' as const}]},
    ]) {
      await expect(addMembers(platform, {directory, ...wanted})).rejects.toMatchObject({code: 'ERR_ORGANISATION_NAME'});
    }
    await addMembers(platform, {directory, nodes: [{name: 'broker.example.net'}]});
    await expect(
      createOrganisation(platform, {
        directory: '/srv/other',
        security: 'jwt',
        broker: {host: 'broker.example.net', port: 4222},
        nodes: [{name: 'rip'}],
        operators: ['rip'],
      }),
    ).rejects.toMatchObject({code: 'ERR_ORGANISATION_NAME'});
  });

  test('does not revoke its broker, and says so', async () => {
    const {platform} = await setUpTokens();
    await expect(revokeMember(platform, {directory, name: 'broker.example.net'})).rejects.toThrow(
      /Cannot revoke the broker "broker\.example\.net"/,
    );
  });

  test('renews a token for the same seed, and revokes every one by its id', async () => {
    const fake = await setUpTokens();
    const {platform} = fake;
    const before = pem(fake, 'users/rip/token.jwt');
    const seed = pem(fake, 'users/rip/seed');
    await renewMembers(platform, {directory, names: ['rip'], withinMs: 0});
    const after = pem(fake, 'users/rip/token.jwt');
    expect(after).not.toBe(before);
    expect(pem(fake, 'users/rip/seed')).toBe(seed);
    expect(readToken(after).publicKey).toEqual(readToken(before).publicKey);
    await revokeMember(platform, {directory, name: 'rip'});
    for (const token of [before, after]) {
      const id = String(readToken(token).claims['jti']);
      expect(pem(fake, 'broker/revoked')).toContain(`token ${id} rip\n`);
    }
    const {members} = await organisationStatus(platform, directory);
    expect(members.find((member) => member.kind === 'user')?.state).toBe('revoked');
  });
});

describe('an organisation that is kept', () => {
  test('takes nodes and users, and tells the nodes of new users', async () => {
    const fake = await setUp();
    await addMembers(fake.platform, {directory, nodes: [{name: 'db1'}], users: [{name: 'bob', role: 'reader'}]});
    for (const node of ['db1', 'web1.example.net']) {
      expect(pem(fake, `nodes/${node}/policies/groups`)).toContain(
        'operators choria=rip.mcollective\nreaders choria=bob.mcollective\n',
      );
    }
    const {members} = await organisationStatus(fake.platform, directory);
    expect(members.map(({kind, name, state}) => `${kind} ${name} ${state}`)).toEqual([
      'broker broker.example.net valid',
      'provisioner provisioner valid',
      'user bob.mcollective valid',
      'user rip.mcollective valid',
      'node db1 valid',
      'node web1.example.net valid',
    ]);
  });

  test('refuses a member that is there before it writes anything', async () => {
    const fake = await setUp();
    const before = fake.files.paths;
    const nodes = [{name: 'new1'}, {name: 'web1.example.net'}];
    expect(await codeOf(addMembers(fake.platform, {directory, nodes}))).toBe('ERR_ORGANISATION_EXISTS');
    expect(fake.files.paths).toEqual(before);
  });

  test('writes configurations for the place on another machine', async () => {
    const fake = await setUp();
    await addMembers(fake.platform, {directory, nodes: [{name: 'db1'}], target: '/etc/choria'});
    expect(pem(fake, 'nodes/db1/server.conf')).toContain('plugin.security.file.key = /etc/choria/key.pem\n');
  });

  test('renews what ends soon for the same key, and nothing else', async () => {
    const fake = await setUp();
    await addMembers(fake.platform, {directory, nodes: [{name: 'short'}], validityMs: 20 * dayMs});
    const key = pem(fake, 'nodes/short/key.pem');
    const renewed = await renewMembers(fake.platform, {directory, names: [], withinMs: 30 * dayMs});
    expect(renewed.map((member) => member.name)).toEqual(['short']);
    const certificate = new X509Certificate(pem(fake, 'nodes/short/certificate.pem'));
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(pem(fake, 'nodes/short/key.pem')).toBe(key);
    const {members} = await organisationStatus(fake.platform, directory);
    expect(members.find((member) => member.name === 'short')?.expiresAtMs).toBe(Date.parse(certificate.validTo));
  });

  test('takes back every certificate of a member, tells broker and nodes, and lets the name be given again', async () => {
    const fake = await setUp();
    const {platform} = fake;
    await addMembers(platform, {directory, users: [{name: 'bob', role: 'operator'}]});
    await renewMembers(platform, {directory, names: ['bob'], withinMs: 0});
    const {serials} = await revokeMember(platform, {directory, name: 'bob'});
    expect(serials).toHaveLength(2);
    for (const path of ['authority/revoked', 'broker/revoked', 'nodes/web1.example.net/revoked']) {
      for (const serial of serials) expect(pem(fake, path)).toContain(`certificate ${serial} bob.mcollective\n`);
    }
    expect(pem(fake, 'nodes/web1.example.net/policies/groups')).not.toContain('bob');
    expect(await codeOf(renewMembers(platform, {directory, names: ['bob'], withinMs: 0}))).toBe(
      'ERR_ORGANISATION_MEMBER',
    );
    expect((await revokeMember(platform, {directory, name: 'bob'})).serials).toEqual([]);
    await addMembers(platform, {directory, users: [{name: 'bob', role: 'reader'}], force: true});
    const {members} = await organisationStatus(platform, directory);
    expect(members.find((member) => member.name === 'bob.mcollective')).toMatchObject({state: 'valid', role: 'reader'});
  });

  test('the authority itself lists what it revoked, and broker and nodes are told to look', async () => {
    const fake = await setUp();
    const {platform} = fake;
    const caPem = pem(fake, 'authority/ca.pem');
    const rip = pem(fake, 'users/rip.mcollective/certificate.pem');
    const nowMs = platform.clock.nowMs();
    const judge = (folder: string) =>
      createCertificateVerifier(caPem, pem(fake, `${folder}/crl.pem`)).verifyClient(rip, nowMs + 1000);
    for (const [folder, config] of [
      ['broker', 'broker.conf'],
      ['nodes/web1.example.net', 'server.conf'],
    ] as const) {
      expect(pem(fake, `${folder}/${config}`)).toContain(`plugin.security.crl_file = ${directory}/${folder}/crl.pem\n`);
      expect(judge(folder).certificate.commonName).toBe('rip.mcollective');
    }
    await revokeMember(platform, {directory, name: 'rip'});
    for (const folder of ['authority', 'broker', 'nodes/web1.example.net']) {
      expect(() => judge(folder)).toThrow(/has revoked it/);
    }
    await addMembers(platform, {directory, nodes: [{name: 'web9.example.net'}]});
    expect(() => judge('nodes/web9.example.net')).toThrow(/has revoked it/);
  });

  test('does not revoke its broker, without which nobody could be told', async () => {
    const {platform} = await setUp();
    expect(await codeOf(revokeMember(platform, {directory, name: 'broker.example.net'}))).toBe(
      'ERR_ORGANISATION_MEMBER',
    );
  });

  test('says which member it does not have, and which folder is none', async () => {
    const fake = await setUp();
    const renewal = renewMembers(fake.platform, {directory, names: ['nobody'], withinMs: 0});
    expect(await codeOf(renewal)).toBe('ERR_ORGANISATION_MEMBER');
    expect(await codeOf(organisationStatus(fake.platform, '/srv'))).toBe('ERR_ORGANISATION_MISSING');
  });

  test.each(['{', '[]', '{"version":2}', '{"version":1,"name":"acme"}', '{"version":1,"broker":{"port":"x"}}'])(
    'calls a manifest of %s damaged',
    async (text) => {
      const fake = await setUp();
      fake.files.put(`${directory}/organisation.json`, text);
      expect(await codeOf(organisationStatus(fake.platform, directory))).toBe('ERR_ORGANISATION_DAMAGED');
    },
  );

  test('tells everybody when the broker moves', async () => {
    const fake = await setUp();
    await moveBroker(fake.files, directory, {host: 'new.example.net', port: 4333});
    for (const path of ['nodes/web1.example.net/server.conf', 'users/rip.mcollective/client.conf']) {
      expect(pem(fake, path)).toContain('plugin.choria.middleware_hosts = new.example.net:4333\n');
    }
  });
});
