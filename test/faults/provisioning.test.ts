/** Fault 63: what nodes, helpers and other provisioners can do to each other while a fleet is made. */
import {generateKeyPairSync} from 'node:crypto';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {createCertificateRequest, ed25519PublicFromSeed, generateKey, signEd25519} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createHostTable} from '../../src/provisioner/hosts.ts';
import {provisionerLimits} from '../../src/provisioner/limits.ts';
import {startTestBroker, type TestBroker} from '../support/broker.ts';
import {type HostileOptions, hostileNode} from '../support/hostile-node.ts';
import {createManualClock} from '../support/manual-clock.ts';
import {startTestProvisioner, type TestProvisioner} from '../support/provisioner.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';
import {createTokenMaker, createWaitingFleet, hastyClock} from '../support/waiting-fleet.ts';

const platform = createNodePlatform();
const tokens = createTokenMaker();
let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker();
});
afterAll(() => broker[Symbol.asyncDispose]());

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A settled configuration for whoever asks. */
const goodHelper = `printf '{"configuration":{"identity":"%s","plugin.choria.server.provision":"0"}}' "$id"`;

function provisioner(
  options: {readonly helper?: string; readonly settings?: Readonly<Record<string, unknown>>} = {},
): Promise<TestProvisioner & {readonly logger: ReturnType<typeof createRecordingLogger>}> {
  const logger = createRecordingLogger();
  // Tries and time limits pass twenty times as fast.
  const hasty = {...platform, clock: hastyClock(platform.clock, 20)};
  return startTestProvisioner({
    url: broker.url,
    logger,
    platform: hasty,
    verifyPem: tokens.publicKeyPem,
    helper: options.helper ?? goodHelper,
    ...(options.settings === undefined ? {} : {settings: options.settings}),
  }).then((started) => Object.assign(started, {logger}));
}

/** Lets one bad node and a provisioner meet; gives what the provisioner said of it and what it sent. */
async function meet(
  node: Pick<HostileOptions, 'identity'> & Partial<HostileOptions>,
  options: {readonly helper?: string; readonly settings?: Readonly<Record<string, unknown>>} = {},
): Promise<{readonly said: string; readonly asked: readonly string[]}> {
  await using service = await provisioner(options);
  await using evil = await hostileNode({platform, url: broker.url, token: tokens.make({chu: broker.url}), ...node});
  const {metrics} = service.provisioner;
  await until(() => metrics.value('provision_errors') > 0 || metrics.value('provisioned') > 0);
  return {said: service.logger.lines.map((line) => line.message).join('\n'), asked: [...evil.asked]};
}

async function requestFor(commonName: string, dnsNames: readonly string[] = []): Promise<string> {
  const {privateKeyPem} = await generateKey('ec');
  return createCertificateRequest({keyPem: privateKeyPem, commonName, dnsNames}).pem;
}

const pki = {settings: {features: {jwt: true, pki: true}}};
const csrOf = (csr: string): Pick<HostileOptions, 'answers'> => ({
  answers: {gencsr: () => ({csr, public_key: '', ssldir: '/etc/choria/ssl'})},
});

describe('fault 63: provisioning', () => {
  test('fault 63: a node whose token another key signed gets nothing', async () => {
    const {said, asked} = await meet({identity: 'n1', token: createTokenMaker().make({chu: broker.url})});
    expect(said).toContain('its provisioning token is not good');
    expect(asked).toEqual(['jwt']);
  });

  test.each([
    ['another name', 'n2', ['db1.example.net', []]],
    ['a privileged name', 'root.privileged.mcollective', ['root.privileged.mcollective', []]],
    ['an alternative name of a caller', 'n2', ['n2', ['alice.mcollective']]],
  ] as const)(
    'fault 63: a node with a good token that asks for %s gets no certificate',
    async (_, identity, [name, others]) => {
      const {said, asked} = await meet({identity, ...csrOf(await requestFor(name, others))}, pki);
      expect(said).toMatch(/the signing request is for|is on the deny list/);
      expect(asked).not.toContain('configure');
    },
  );

  test('fault 63: a request with a weak key, or signed by another key, is refused', async () => {
    const weak = generateKeyPairSync('rsa', {
      modulusLength: 1024,
      privateKeyEncoding: {type: 'pkcs8', format: 'pem'},
      publicKeyEncoding: {type: 'spki', format: 'pem'},
    });
    const csr = createCertificateRequest({keyPem: weak.privateKey, commonName: 'n3'}).pem;
    expect((await meet({identity: 'n3', ...csrOf(csr)}, pki)).said).toContain('RSA key of 1024 bits');
    const good = await requestFor('n4');
    const body = Buffer.from(good.split('\n').slice(1, -2).join(''), 'base64');
    body[body.length - 3] = (body[body.length - 3] ?? 0) ^ 1;
    const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${body.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    expect((await meet({identity: 'n4', ...csrOf(broken)}, pki)).said).toContain('signature is not by the key');
  });

  test('fault 63: the answer to an earlier nonce proves nothing, and every nonce is new', async () => {
    const seed = Buffer.alloc(32, 7);
    const nonces: string[] = [];
    const node = {
      identity: 'n5',
      answers: {
        gen25519: (data: Readonly<Record<string, unknown>>) => {
          nonces.push(String(data['nonce']));
          const signature = signEd25519(seed, Buffer.from(nonces[0] ?? ''));
          return {
            public_key: ed25519PublicFromSeed(seed).toString('hex'),
            directory: '/',
            signature: signature.toString('hex'),
          };
        },
      },
    };
    const settings = {features: {ed25519: true}};
    await using first = await provisioner();
    const seedFile = `${first.directory}/seed`;
    await platform.files.writeAtomic(seedFile, '11'.repeat(32), {mode: 0o600});
    const options = {settings: {...settings, jwt_signing_key: seedFile}};
    expect((await meet(node, options)).asked).toContain('configure');
    const second = await meet(node, options);
    expect(second.said).toContain('not by the key that it shows');
    expect(second.asked).not.toContain('configure');
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  test.each([
    ['garbage', 'printf nonsense', 'something else than JSON'],
    ['nothing', 'true', 'wrote nothing'],
    ['a failure', 'exit 4', 'ended with 4'],
    ['a configuration of numbers', `printf '{"configuration":{"a":1}}'`, 'no object of texts'],
    ['no configuration', `printf '{}'`, 'gave no configuration'],
    ['endless output', 'while :; do printf %01000d 1; done | head -c 6000000', 'more than is read'],
  ])('fault 63: a helper that gives %s leaves the node as it was', async (_, helper, reason) => {
    const {said, asked} = await meet({identity: 'n6'}, {helper});
    expect(said).toContain(reason);
    expect(asked).toEqual(['jwt', 'inventory']);
  });

  test("fault 63: a certificate for another node's key is not handed on", async () => {
    const {issueCertificate, issueCertificateAuthority} = await import('../../src/crypto/index.ts');
    const {random} = platform;
    const nowMs = platform.clock.nowMs();
    const authority = await issueCertificateAuthority({commonName: 'CA', nowMs, random, keyKind: 'ec'});
    const {certificatePem} = await issueCertificate({authority, commonName: 'n7', nowMs, random, keyKind: 'ec'});
    const answer = JSON.stringify({
      configuration: {identity: 'n7'},
      certificate: certificatePem,
      ca: 'x',
      ssldir: '/x',
    });
    const helper = `cat <<'END'\n${answer}\nEND\n`;
    const {said, asked} = await meet({identity: 'n7', ...csrOf(await requestFor('n7'))}, {helper, ...pki});
    expect(said).toContain('another key than the one of the node');
    expect(asked).not.toContain('configure');
  });

  test('fault 63: two nodes never get the same name', async () => {
    const helper = `printf '{"configuration":{"identity":"same.example.net","plugin.choria.server.provision":"0"}}'`;
    await using service = await provisioner({helper, settings: {workers: 1}});
    const token = tokens.make({chu: broker.url});
    await using one = await hostileNode({platform, url: broker.url, token, identity: 'n8'});
    await until(() => service.provisioner.metrics.value('provisioned') === 1);
    await using other = await hostileNode({platform, url: broker.url, token, identity: 'n9'});
    await until(() => service.provisioner.metrics.value('provision_errors') === 1);
    expect([one.configured, other.configured]).toEqual([1, 0]);
  });

  test('fault 63: of two provisioners that work on one node only one configures it', async () => {
    await using fleet = createWaitingFleet({
      count: 1,
      prefix: 'race',
      token: tokens.make({chu: broker.url}),
      config: 'loglevel = error\n',
    });
    await fleet.start();
    const node = fleet.nodes[0]?.server;
    const agent = node?.agents.get('choria_provision');
    const ask = async (caller: string, action: string, data: object): Promise<string> => {
      const body = Buffer.from(JSON.stringify({agent: 'choria_provision', action, data: {token: 's3cret', ...data}}));
      const request = {
        version: 1 as const,
        id: '0'.repeat(32),
        senderId: caller,
        callerId: `choria=${caller}`,
        collective: 'provisioning',
        agent: 'choria_provision',
        ttlSeconds: 60,
        sentAtMs: platform.clock.nowMs(),
        filter: {facts: [], classes: [], agents: [], identities: [], compounds: []},
        body,
      };
      if (node === undefined) throw new Error('the node did not start');
      const reply = await agent?.handle({request, node: node.node, signal: new AbortController().signal});
      return reply?.toString('utf8') ?? '';
    };
    const config = {config: '{"identity":"race1"}'};
    const answers = await Promise.all([ask('one', 'jwt', {}), ask('two', 'jwt', {})]);
    expect(answers.filter((answer) => answer.includes('Could not obtain provisioning lock'))).toHaveLength(1);
    expect(await ask('two', 'configure', config)).toContain('Could not obtain provisioning lock');
    expect(await ask('one', 'configure', config)).toContain('Wrote 2 lines');
    expect(await ask('one', 'configure', {...config, token: 'guess'})).toContain('Incorrect provision token supplied');
  });

  test('fault 63: a wrong guess of the shared token does not lock out the real provisioner', async () => {
    const {createProvisionLock} = await import('../../src/provision/provision-lock.ts');
    const lock = createProvisionLock(createManualClock());
    const request = (callerId: string): Parameters<typeof lock.hold>[0] => ({
      senderId: 's',
      callerId,
      agent: 'choria_provision',
      action: 'jwt',
      data: {},
      requestId: '1',
      collective: 'p',
      ttlSeconds: 60,
      sentAtMs: 0,
    });
    lock.check(request('guesser'));
    lock.check(request('real'));
    lock.hold(request('real'));
    expect(() => lock.check(request('guesser'))).toThrow('Could not obtain provisioning lock');
  });

  test('fault 63: a node that comes back again and again rests longer each time', async () => {
    const clock = createManualClock();
    const table = createHostTable({clock, waitMsMax: 120_000});
    const rests: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      expect(table.offer('loop')).toBeUndefined();
      expect(table.take()).toBe('loop');
      table.finish('loop', {name: 'loop'});
      expect(table.offer('loop')).toBe('resting');
      let seconds = 0;
      while (table.offer('loop') === 'resting') {
        await clock.advance(10_000);
        seconds += 10;
      }
      table.take();
      table.finish('loop', 'failed');
      rests.push(seconds);
    }
    expect(rests.slice(0, 3)).toEqual([60, 60, 60]);
    expect(rests.at(-1)).toBeGreaterThan(60);
  });

  test('fault 63: 10,000 nodes at once wait in one bounded queue, each once', () => {
    const table = createHostTable({clock: createManualClock(), waitMsMax: 120_000});
    for (let round = 0; round < 2; round++) for (let n = 0; n < 10_000; n++) table.offer(`node-${n}`);
    expect(table.waiting).toBe(10_000);
    for (let n = 10_000; n < provisionerLimits.queueMax + 10; n++) table.offer(`node-${n}`);
    expect(table.waiting).toBe(provisionerLimits.queueMax);
  });
});
