/** Fault 28 as an attacker would do it: bytes taken from the wire, sent again and again to a real server process that is stopped and killed meanwhile. */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {startBroker} from '../../src/broker/index.ts';
import {loadConfig} from '../../src/config/index.ts';
import {
  type Connection,
  connectSecurity,
  createSecurityProvider,
  openConnection,
  securitySwitches,
  serverSource,
} from '../../src/connect/index.ts';
import type {SecurityProvider} from '../../src/crypto/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createOrganisation, memberFolder, moveBroker} from '../../src/organisation/index.ts';
import {
  encodeRequest,
  encodeTransport,
  inboxPrefix,
  newRequestId,
  nodeSubject,
  protocolVersionOf,
  replySubject,
} from '../../src/protocol/index.ts';

const platform = {...createNodePlatform(), env: {...process.env, USER: 'rip', MCOLLECTIVE_CERTNAME: 'rip.mcollective'}};
const identity = 'web1.example.net';
const collective = 'mcollective';
const program = fileURLToPath(new URL('../fixtures/programs/run-server.ts', import.meta.url));
const lives = 10;
const replaysInALife = 1000;

async function startProcess(configPath: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, configPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

/** A caller with a connection, and how often each of its requests was answered. */
class Caller {
  readonly answers = new Map<string, number>();
  readonly #connection: Connection;
  readonly #provider: SecurityProvider;

  constructor(connection: Connection, provider: SecurityProvider) {
    this.#connection = connection;
    this.#provider = provider;
  }

  async signedPing(): Promise<{readonly id: string; readonly bytes: Buffer}> {
    const provider = this.#provider;
    const version = protocolVersionOf(provider);
    const nowMs = platform.clock.nowMs();
    const id = newRequestId(version, {random: platform.random, nowMs});
    const replyTo = replySubject({collective, callerId: provider.callerId, requestId: id});
    const payload = await encodeRequest(
      {
        id,
        senderId: provider.certname,
        collective,
        agent: 'rpcutil',
        ttlSeconds: 600,
        sentAtMs: nowMs,
        body: Buffer.from('{"agent":"rpcutil","action":"ping","data":{}}'),
      },
      {provider},
    );
    this.#connection.subscribe(replyTo, () => this.answers.set(id, (this.answers.get(id) ?? 0) + 1));
    return {id, bytes: encodeTransport({version, payload, replyTo, senderId: provider.certname, trace: []})};
  }

  async send(bytes: Buffer, times = 1): Promise<void> {
    for (let count = 0; count < times; count++) this.#connection.publish(nodeSubject(collective, identity), bytes);
    await this.#connection.flush({timeoutMs: 30_000});
  }

  /** A fresh request that is answered behind everything that was sent before. */
  async barrier(): Promise<void> {
    const {id, bytes} = await this.signedPing();
    await this.send(bytes);
    await expect.poll(() => this.answers.get(id), {timeout: 30_000}).toBe(1);
  }
}

test.each([
  {version: 1, security: 'x509' as const, user: 'rip.mcollective'},
  {version: 2, security: 'jwt' as const, user: 'rip'},
])(
  'fault 28: a captured request of version $version replayed 10,000 times, across five restarts and five kill -9, ran once',
  {timeout: 180_000},
  async ({security, user}) => {
    const root = mkdtempSync(join(tmpdir(), 'choria-replay-live-'));
    const directory = join(root, 'acme');
    let child: ChildProcess | undefined;
    try {
      await createOrganisation(platform, {
        directory,
        security,
        broker: {host: 'localhost', port: 0, listenAddress: '127.0.0.1'},
        nodes: [{name: identity}],
        operators: ['rip'],
      });
      const brokerConfig = await loadConfig({platform, mode: 'server', path: join(directory, 'broker', 'broker.conf')});
      await using broker = await startBroker({config: brokerConfig, platform, logger: silentLogger});
      await moveBroker(platform.files, directory, {host: 'localhost', port: broker.port});
      const node = join(directory, memberFolder('node', identity));
      const config = await loadConfig({
        platform,
        mode: 'user',
        path: join(directory, memberFolder('user', user), 'client.conf'),
      });
      const provider = await createSecurityProvider(config, {platform, mode: 'client', logger: silentLogger});
      await using connection = await openConnection({
        platform,
        name: provider.callerId,
        servers: serverSource(config, {platform, logger: silentLogger}),
        ...connectSecurity(config, {
          provider,
          switches: securitySwitches({platform, mode: 'client', logger: silentLogger}),
        }),
        inboxPrefix: inboxPrefix(collective, provider.callerId),
      });
      const caller = new Caller(connection, provider);

      child = await startProcess(join(node, 'server.conf'));
      const captured = await caller.signedPing();
      await caller.send(captured.bytes);
      await expect.poll(() => caller.answers.get(captured.id), {timeout: 10_000}).toBe(1);
      for (let life = 0; life < lives; life++) {
        await end(child, life % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
        child = await startProcess(join(node, 'server.conf'));
        await caller.send(captured.bytes, replaysInALife);
        await caller.barrier();
      }
      expect(caller.answers.get(captured.id)).toBe(1);
      const audited = readFileSync(join(node, 'audit.log'), 'utf8').split('\n');
      expect(audited.filter((line) => line.includes(captured.id))).toHaveLength(1);
    } finally {
      if (child !== undefined) await end(child, 'SIGKILL');
      rmSync(root, {recursive: true, force: true});
    }
  },
);
