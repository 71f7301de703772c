/** Whole requests of protocol version 2 over our own broker, in TLS, from the configuration on; and what tokens mean on live connections. */
import {writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {type RunningBroker, startBroker} from '../src/broker/index.ts';
import {createClient} from '../src/client/index.ts';
import {type Config, configFromEntries} from '../src/config/index.ts';
import {createSecurityProvider} from '../src/connect/index.ts';
import {silentLogger} from '../src/lib/logger.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {type ChoriaServer, createServer} from '../src/server/index.ts';
import {createOrganization, type Holder, type Organization} from './support/organization.ts';
import {createRecordingLogger} from './support/recording-logger.ts';

const platform = createNodePlatform();
const pki = (name: string): string => fileURLToPath(new URL(`fixtures/pki/${name}`, import.meta.url));

let organization: Organization;
let broker: RunningBroker;
const brokerLog = createRecordingLogger();
const servers: ChoriaServer[] = [];

async function configOf(
  entries: Readonly<Record<string, string>>,
  mode: 'user' | 'server' = 'server',
): Promise<Config> {
  return configFromEntries(entries, {platform, mode});
}

async function addServer(identity: string, holder: Holder, more: Readonly<Record<string, string>> = {}) {
  const config = await configOf({
    ...organization.entries(holder),
    identity,
    'plugin.choria.middleware_hosts': `localhost:${broker.port}`,
    rpcauthorization: '0',
    ...more,
  });
  const server = await createServer({config, platform, memory: 'memory', facts: () => Promise.resolve({})});
  await server.start();
  servers.push(server);
  return server;
}

async function clientFor(holder: Holder, more: Readonly<Record<string, string>> = {}) {
  const config = await configOf(
    {
      ...organization.entries(holder),
      identity: 'dev1.example.net',
      discovery_timeout: '0',
      'plugin.choria.middleware_hosts': `localhost:${broker.port}`,
      ...more,
    },
    'user',
  );
  return createClient({config, platform: {...platform, env: {...platform.env, USER: 'bob'}}, logger: silentLogger});
}

async function ping(client: Awaited<ReturnType<typeof clientFor>>, targets: readonly string[]) {
  const replies = client.request('rpcutil', 'ping', {}, {targets, timeoutMs: 700});
  const senders: string[] = [];
  for await (const reply of replies) senders.push(`${reply.sender} ${reply.statusMessage}`);
  const statistics = await replies.finished;
  return {senders: senders.sort(), missing: [...statistics.noResponses]};
}

beforeAll(async () => {
  organization = createOrganization();
  const config = await configOf({
    ...organization.brokerEntries(await organization.server('broker.example.net')),
    'plugin.choria.security.revocation_file': `${organization.directory}/revoked.txt`,
  });
  broker = await startBroker({config, platform, logger: brokerLog});
  await addServer('n1.example.net', await organization.server('n1.example.net'));
  await addServer('n2.example.net', await organization.server('n2.example.net'));
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop({graceMs: 0})));
  await broker.stop();
  organization[Symbol.dispose]();
});

describe('a fleet with tokens', () => {
  test('is found and answers, with replies that its servers signed', async () => {
    await using client = await clientFor(await organization.client('up=bob'));
    const found = await client.discover({filter: {}, timeoutMs: 500});
    expect([...found.identities].sort()).toEqual(['n1.example.net', 'n2.example.net']);
    expect(await ping(client, found.identities)).toEqual({
      senders: ['n1.example.net OK', 'n2.example.net OK'],
      missing: [],
    });
  });

  test('does not hear a caller whose token lacks the permission', async () => {
    await using client = await clientFor(await organization.client('up=guest', {claims: {permissions: {}}}));
    expect((await ping(client, ['n1.example.net'])).senders).toEqual([]);
  });

  test('tells a caller whom the broker does not let through that it is that, at once and for each node', async () => {
    await using client = await clientFor(await organization.client('up=guest', {claims: {permissions: {}}}));
    const refused = {code: 'ERR_REQUEST_NOT_PERMITTED', message: expect.stringContaining('"up=guest"') as string};
    await expect(client.discover({timeoutMs: 20_000})).rejects.toMatchObject(refused);
    await expect(client.ping({timeoutMs: 20_000})).rejects.toMatchObject(refused);
    const targets = ['n1.example.net', 'n2.example.net'];
    const {silences} = await client.perform({agent: 'rpcutil', action: 'ping', data: {}, targets, timeoutMs: 20_000});
    expect(silences).toEqual(targets.map((identity) => ({identity, reason: 'not-permitted'})));
  });

  test('a reply that is not signed is dropped, unless the setting says that it may pass', async () => {
    const holder = await organization.server('n3.example.net');
    await addServer('n3.example.net', holder, {'plugin.security.choria.sign_replies': 'false'});
    const bob = await organization.client('up=bob');
    await using strict = await clientFor(bob);
    expect((await ping(strict, ['n3.example.net'])).senders).toEqual([]);
    await using lenient = await clientFor(bob, {'plugin.choria.security.unsigned_replies': 'true'});
    expect((await ping(lenient, ['n3.example.net'])).senders).toEqual(['n3.example.net OK']);
  });
});

describe('fault 32: live connections', () => {
  test('an expired token is cut, also while its connection is used', async () => {
    const holder = await organization.client('up=short', {validityMs: 3_000});
    await using client = await clientFor(holder);
    expect((await ping(client, ['n1.example.net'])).senders).toHaveLength(1);
    await expect
      .poll(() => brokerLog.lines.some((entry) => JSON.stringify(entry).includes('Authentication Expired')), {
        timeout: 15_000,
      })
      .toBe(true);
  });

  test('a revoked caller is cut within a second and does not come back', async () => {
    const holder = await organization.client('up=mallory');
    await using client = await clientFor(holder);
    expect((await ping(client, ['n1.example.net'])).senders).toHaveLength(1);
    writeFileSync(`${organization.directory}/revoked.txt`, 'caller up=mallory\n');
    await expect
      .poll(() => brokerLog.lines.some((entry) => JSON.stringify(entry).includes('up=mallory\\" is revoked')), {
        timeout: 10_000,
      })
      .toBe(true);
    await using again = await clientFor(holder);
    await expect(again.discover({filter: {}, timeoutMs: 500})).rejects.toThrow(/refused|Authorization/);
  });
});

describe('fault 32: what was taken back', () => {
  test('a server refuses a caller that the list of revocations names, whatever the broker lets through', async () => {
    writeFileSync(`${organization.directory}/servers.txt`, '');
    const holder = await organization.server('n5.example.net');
    const file = `${organization.directory}/servers.txt`;
    await addServer('n5.example.net', holder, {'plugin.choria.security.revocation_file': file});
    const eve = await organization.client('up=eve');
    await using client = await clientFor(eve);
    expect((await ping(client, ['n5.example.net'])).senders).toHaveLength(1);
    writeFileSync(file, `key ${eve.publicKey} up=eve\n`);
    await expect.poll(async () => (await ping(client, ['n5.example.net'])).senders.length, {timeout: 20_000}).toBe(0);
  });

  test('a renewed token is used for the next connection without a restart', async () => {
    const first = await organization.client('up=renewed', {validityMs: 1_500});
    const config = await configOf(
      {...organization.entries(first), 'plugin.choria.middleware_hosts': `localhost:${broker.port}`},
      'user',
    );
    const user = {...platform, env: {...platform.env, USER: 'bob'}};
    const provider = await createSecurityProvider(config, {platform: user, mode: 'client', logger: silentLogger});
    const before = provider.credential;
    await organization.client('up=renewed', {validityMs: 60_000});
    await expect(provider.refresh?.()).resolves.toBe(true);
    expect(provider.credential).not.toBe(before);
    writeFileSync(first.seedFile, 'not a seed');
    await expect(provider.refresh?.()).rejects.toThrow();
    expect(await provider.sign(Buffer.from('still signs'))).toHaveLength(64);
  });
});

describe('a mixed fleet', () => {
  test('version 1 and version 2 share one broker that takes certificates and tokens', async () => {
    const config = await configOf({
      identity: 'broker.example.net',
      'plugin.choria.broker_network': 'true',
      'plugin.choria.network.client_port': '0',
      'plugin.choria.network.listen_address': '127.0.0.1',
      'plugin.security.provider': 'file',
      'plugin.security.file.certificate': pki('broker.pem'),
      'plugin.security.file.key': pki('broker.key'),
      'plugin.security.file.ca': pki('ca.pem'),
      'plugin.choria.network.client_signer_cert': organization.issuerPublic,
      'plugin.choria.network.server_signer_cert': organization.issuerPublic,
    });
    await using mixed = await startBroker({config, platform, logger: silentLogger});
    const hosts = {'plugin.choria.middleware_hosts': `localhost:${mixed.port}`, rpcauthorization: '0'};
    const x509 = (name: string) => ({
      'plugin.security.provider': 'file',
      'plugin.security.file.certificate': pki(`${name}.pem`),
      'plugin.security.file.key': pki(`${name}.key`),
      'plugin.security.file.ca': pki('ca.pem'),
      collectives: 'mcollective',
    });
    const v1 = await createServer({
      config: await configOf({...x509('node1'), ...hosts, identity: 'node1.example.net'}),
      platform,
      memory: 'memory',
    });
    await v1.start();
    const v2 = await addServer('n4.example.net', await organization.server('n4.example.net'), hosts);
    const env = {...platform.env, USER: 'bob', MCOLLECTIVE_CERTNAME: 'alice.mcollective'};
    await using oldClient = createClient({
      config: await configFromEntries(
        {...x509('alice'), ...hosts, identity: 'dev1.example.net'},
        {platform: {...platform, env}, mode: 'user'},
      ),
      platform: {...platform, env},
    });
    await using newClient = await clientFor(await organization.client('up=bob'), hosts);
    expect((await ping(oldClient, ['node1.example.net'])).senders).toEqual(['node1.example.net OK']);
    expect((await ping(newClient, ['n4.example.net'])).senders).toEqual(['n4.example.net OK']);
    await v1.stop({graceMs: 0});
    await v2.stop({graceMs: 0});
  });
});
