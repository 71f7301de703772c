/**
 * Requests that a central service signs, whole: log in at the command line, have the request signed over HTTP or by the agent on the
 * network, and a server runs it. Both versions of the protocol.
 */
import {randomBytes} from 'node:crypto';
import {copyFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {
  type AaaService,
  createAaaService,
  createSignerAgent,
  createSignerHostProvider,
  parseSettings,
  signerAuthorizer,
} from '../src/aaa/index.ts';
import {type RunningBroker, startBroker} from '../src/broker/index.ts';
import {type Client, createClient} from '../src/client/index.ts';
import {configFromEntries} from '../src/config/index.ts';
import {createSecurityProvider} from '../src/connect/index.ts';
import {issueCertificate, issueCertificateAuthority, readToken} from '../src/crypto/index.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {type ChoriaServer, createServer} from '../src/server/index.ts';
import {bcryptOfSecret} from './support/aaa.ts';
import {runCliForTest} from './support/cli.ts';
import {createOrganization, type Organization} from './support/organization.ts';
import {createRecordingLogger, type RecordingLogger} from './support/recording-logger.ts';

const platform = createNodePlatform();
const pki = (name: string): string => fileURLToPath(new URL(`fixtures/pki/${name}`, import.meta.url));
type Entries = Readonly<Record<string, string>>;

/** A fleet whose callers have no rights of their own: broker, one node, and the service over HTTP and as an agent. */
interface SignedFleet {
  readonly organization: Organization;
  readonly home: string;
  readonly broker: RunningBroker;
  readonly aaa: AaaService;
  readonly log: RecordingLogger;
  /** Settings of a caller, by how it has its requests signed. */
  caller(how: 'url' | 'service' | 'nobody', more?: Entries): Entries;
  /** Stops the agent and gives the way to start it again. */
  readonly agentHost: ChoriaServer;
  stop(): Promise<void>;
}

function configOf(entries: Entries, mode: 'user' | 'server' = 'server') {
  return configFromEntries(entries, {platform, mode});
}

interface Security {
  readonly node: (identity: string) => Promise<Entries>;
  readonly broker: Entries;
  /** What the signing service has besides the settings of everybody. */
  readonly signer: Entries;
  /** What `basicjwt_signer` says of keys. */
  readonly signing: Readonly<Record<string, string>>;
  /** Settings of a caller without those of the remote signer. */
  readonly caller: (home: string) => Entries;
}

async function startFleet(organization: Organization, security: Security): Promise<SignedFleet> {
  const home = `${organization.directory}/home`;
  mkdirSync(home);
  const log = createRecordingLogger();
  const broker = await startBroker({config: await configOf(security.broker), platform, logger: log});
  const hosts = {'plugin.choria.middleware_hosts': `localhost:${broker.port}`};
  const node = await createServer({
    config: await configOf({...(await security.node('n1.example.net')), ...hosts, rpcauthorization: '0'}),
    platform,
    memory: 'memory',
    facts: () => Promise.resolve({}),
  });
  const key = `${organization.directory}/tls.key`;
  copyFileSync(pki('broker.key'), key);
  chmodSync(key, 0o600);
  const settings = {
    address: '127.0.0.1',
    tls_certificate: pki('broker.pem'),
    tls_key: key,
    authenticator: 'userlist',
    userlist_authenticator: {
      users: [
        {
          username: 'bob',
          password: bcryptOfSecret,
          organization: 'choria',
          acls: ['rpcutil.ping'],
          broker_permissions: {fleet_management: true, signed_fleet_management: true},
        },
      ],
      validity: '1h',
      signing_key: organization.issuerSeedFile,
    },
    authorizer: 'actionlist',
    signer: 'basicjwt',
    basicjwt_signer: {signing_certificate: organization.issuerPublic, max_validity: '2h', ...security.signing},
  };
  const signerConfig = await configOf({...security.signer, ...hosts, identity: 'aaa.example.net'});
  const provider = await createSecurityProvider(signerConfig, {platform, mode: 'server', logger: log});
  const aaa = await createAaaService({
    settings: parseSettings(Buffer.from(JSON.stringify(settings)), '/aaa/config.json'),
    platform,
    logger: log,
    provider,
  });
  const agentHost = await createServer({
    config: signerConfig,
    platform,
    serviceHost: true,
    builtinAgents: false,
    agentProviders: [],
    agents: [createSignerAgent(aaa, log)],
    provider: createSignerHostProvider(provider),
    authorizer: signerAuthorizer,
    memory: 'memory',
    component: 'aaa',
  });
  await Promise.all([node.start(), agentHost.start(), aaa.start()]);
  const url = (path: string): string => `https://localhost:${aaa.address?.port}/choria/v1/${path}`;
  return {
    organization,
    home,
    broker,
    aaa,
    log,
    agentHost,
    caller: (how, more = {}) => ({
      ...security.caller('/home/rip'),
      ...hosts,
      identity: 'dev1.example.net',
      'plugin.login.aaasvc.login.url': url('login'),
      ...(how === 'url' ? {'plugin.choria.security.request_signer.url': url('sign')} : {}),
      ...(how === 'service' ? {'plugin.choria.security.request_signer.service': 'true'} : {}),
      ...more,
    }),
    async stop() {
      await Promise.all([node, agentHost].map((server) => server.stop({graceMs: 0})));
      await aaa.stop();
      await broker.stop();
      organization[Symbol.dispose]();
    },
  };
}

/** Version 2: everybody has a token of the organisation. */
async function startTokens(): Promise<SignedFleet> {
  const organization = createOrganization();
  const signer = await organization.client('aaa_signer', {claims: {permissions: {authentication_delegator: true}}});
  return startFleet(organization, {
    broker: organization.brokerEntries(await organization.server('broker.example.net')),
    node: async (identity) => ({...organization.entries(await organization.server(identity)), identity}),
    signer: organization.entries(
      await organization.server('aaa.example.net', {claims: {permissions: {service_host: true}}}),
    ),
    signing: {signing_token: signer.tokenFile, signing_seed: signer.seedFile},
    caller: (home) => ({
      ...organization.entries({tokenFile: `${home}/client.jwt`, seedFile: `${home}/client.key`, publicKey: ''}),
    }),
  });
}

/** Version 1: nodes and the signer have certificates, callers have a token only. */
async function startCertificates(): Promise<SignedFleet> {
  const organization = createOrganization();
  const nowMs = Date.now();
  const random = {bytes: (count: number): Buffer => randomBytes(count)};
  const authority = await issueCertificateAuthority({commonName: 'Signed CA', nowMs, random, keyKind: 'rsa'});
  const write = (name: string, text: string): string => {
    const path = `${organization.directory}/${name}`;
    writeFileSync(path, text, {mode: 0o600});
    return path;
  };
  const ca = write('ca.pem', authority.certificatePem);
  const holder = async (name: string): Promise<Entries> => {
    const issued = await issueCertificate({
      authority,
      commonName: name,
      dnsNames: [name, 'localhost'],
      nowMs,
      random,
      keyKind: 'rsa',
    });
    return {
      'plugin.security.provider': 'file',
      'plugin.security.file.certificate': write(`${name}.pem`, issued.certificatePem),
      'plugin.security.file.key': write(`${name}.key`, issued.keyPem),
      'plugin.security.file.ca': ca,
    };
  };
  return startFleet(organization, {
    broker: {
      ...(await holder('broker.example.net')),
      identity: 'broker.example.net',
      'plugin.choria.broker_network': 'true',
      'plugin.choria.network.client_port': '0',
      'plugin.choria.network.listen_address': '127.0.0.1',
      'plugin.choria.network.client_signer_cert': organization.issuerPublic,
    },
    node: async (identity) => ({...(await holder(identity)), identity}),
    signer: await holder('aaa.privileged.mcollective'),
    signing: {},
    caller: (home) => ({
      'plugin.security.provider': 'file',
      'plugin.security.client_anon_tls': 'true',
      'plugin.choria.security.request_signer.token_file': `${home}/client.jwt`,
      'plugin.choria.security.request_signer.ca': pki('ca.pem'),
    }),
  });
}

const text = (entries: Entries): string =>
  Object.entries(entries)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');

function command(fleet: SignedFleet, argv: readonly string[], entries: Entries, typed?: readonly string[]) {
  writeFileSync(`${fleet.home}/client.conf`, text(entries));
  return runCliForTest({
    argv: ['choria', ...argv, '--config', '/home/rip/client.conf'],
    mounts: [
      {virtual: '/home/rip', real: fleet.home},
      {virtual: fleet.organization.directory, real: fleet.organization.directory},
      {virtual: pki(''), real: pki('')},
    ],
    ...(typed === undefined ? {} : {typed, tty: {cols: 120, rows: 40}}),
  });
}

/** A client of the library, with the token of the last login. */
async function clientOf(fleet: SignedFleet, how: 'url' | 'service', more: Entries = {}): Promise<Client> {
  const entries = Object.fromEntries(
    Object.entries(fleet.caller(how, more)).map(([key, value]) => [key, value.replace('/home/rip', fleet.home)]),
  );
  return createClient({
    config: await configOf(entries, 'user'),
    platform: {...platform, env: {...platform.env, USER: 'bob'}},
  });
}

async function ping(client: Client, action = 'ping'): Promise<readonly string[]> {
  const replies = client.request('rpcutil', action, {}, {targets: ['n1.example.net'], requestTimeoutMs: 5_000});
  const senders: string[] = [];
  for await (const reply of replies) senders.push(`${reply.sender} ${reply.statusMessage}`);
  return senders;
}

describe.each([
  ['tokens', startTokens],
  ['certificates', startCertificates],
])('a fleet with %s whose callers log in', (_kind, start) => {
  let fleet: SignedFleet;
  beforeAll(async () => {
    fleet = await start();
  }, 60_000);
  afterAll(() => fleet.stop());

  test('a login and a request at the command line, signed over HTTP', async () => {
    rmSync(`${fleet.home}/client.jwt`, {force: true});
    const entries = fleet.caller('url');
    const login = await command(fleet, ['login'], entries, ['bob', 'secret']);
    expect(login, login.output).toMatchObject({exit: 0});
    expect(readToken(readFileSync(`${fleet.home}/client.jwt`, 'utf8')).name).toBe('up=bob');
    const run = await command(fleet, ['req', 'rpcutil', 'ping', '-I', 'n1.example.net', '--json'], entries);
    expect(run, run.stderr).toMatchObject({exit: 0});
    const {replies} = JSON.parse(run.stdout) as {replies: readonly {sender: string; statuscode: number}[]};
    expect(replies.map(({sender, statuscode}) => [sender, statuscode])).toEqual([['n1.example.net', 0]]);
    expect(fleet.log.lines.some(({message}) => message.includes('of up=bob to agent rpcutil'))).toBe(true);
  }, 60_000);

  test.each(['url', 'service'] as const)('the library discovers and asks with signatures by %s', async (how) => {
    await using client = await clientOf(fleet, how);
    expect((await client.discover({filter: {identities: ['/n1/']}, timeoutMs: 5_000})).identities).toEqual([
      'n1.example.net',
    ]);
    expect(await ping(client)).toEqual(['n1.example.net OK']);
  });

  test.each(['url', 'service'] as const)('an action that the token does not allow is refused by %s', async (how) => {
    await using client = await clientOf(fleet, how);
    await expect(ping(client, 'inventory')).rejects.toMatchObject({
      code: 'ERR_SIGNER_REFUSED',
      message: expect.stringMatching(/refused to sign the request: "Request [Dd]enied"/) as string,
    });
  });

  test('filters with characters that mean something to a shell are signed and judged as they are', async () => {
    await using client = await clientOf(fleet, 'service');
    const filter = {facts: ['load<=3'], compound: 'with("a") || with("b`$;&<>") && true'};
    await expect(client.discover({filter, timeoutMs: 300})).resolves.toMatchObject({identities: []});
  });

  test('a service that cannot be reached is told with its address', async () => {
    await using client = await clientOf(fleet, 'url', {
      'plugin.choria.security.request_signer.url': 'https://127.0.0.1:1/choria/v1/sign',
    });
    await expect(ping(client)).rejects.toMatchObject({
      code: 'ERR_SIGNER_UNREACHABLE',
      message: expect.stringContaining('https://127.0.0.1:1/choria/v1/sign') as string,
    });
  });

  test('a request that nobody could sign is told before it is sent', async () => {
    const moved = `${fleet.home}/client.jwt`;
    const token = readFileSync(moved, 'utf8');
    const [head, claims = '', signature] = token.split('.');
    const ended = {...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), exp: 1_700_000_000};
    writeFileSync(moved, [head, Buffer.from(JSON.stringify(ended)).toString('base64url'), signature].join('.'));
    try {
      const entries = fleet.caller('url');
      const run = await command(fleet, ['req', 'rpcutil', 'ping', '-I', 'n1.example.net'], entries);
      expect(run.exit).toBe(1);
      expect(run.stdout).toMatch(/expired at 2023-11-14/);
      expect(run.stdout).toContain('choria login');
    } finally {
      writeFileSync(moved, token);
    }
  });

  test('an agent that is not there is told at once', async () => {
    await fleet.agentHost.stop({graceMs: 0});
    await using client = await clientOf(fleet, 'service');
    // The time limit of a test is shorter than the time that an agent has.
    await expect(ping(client)).rejects.toMatchObject({code: 'ERR_SIGNER_UNREACHABLE'});
  });
});

test('a service whose certificate is by another authority is not believed', async () => {
  const fleet = await startTokens();
  try {
    await command(fleet, ['login'], fleet.caller('url'), ['bob', 'secret']);
    await using client = await clientOf(fleet, 'url', {
      'plugin.choria.security.request_signer.ca': pki('foreign-ca.pem'),
    });
    await expect(ping(client)).rejects.toMatchObject({code: 'ERR_SIGNER_UNREACHABLE'});
  } finally {
    await fleet.stop();
  }
}, 60_000);
