/** The engine nats-server: the real program under our supervision. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {connect as connectSocket} from 'node:net';
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {type Authenticator, createBrokerAuthenticator, findNatsServer} from '../../src/broker/index.ts';
import {type Connection, openConnection} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {testTlsMaterial} from '../support/broker.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';
import {startConfiguredBroker, supervisedEngine} from '../support/supervised.ts';
import {missingPeer} from './nats-server.ts';

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');
const platform = createNodePlatform();
const nothing = Buffer.alloc(0);

function open(port: number, certificate: string): Promise<Connection> {
  return openConnection({
    platform,
    name: certificate,
    servers: [`tls://127.0.0.1:${port}`],
    tls: {material: testTlsMaterial(certificate), verify: false},
    inboxPrefix: `mcollective.reply.${certificate}`,
    attemptsMax: 3,
  });
}

/** Whether something accepts connections there. */
async function accepts(port: number): Promise<boolean> {
  const socket = connectSocket(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe.skipIf(skip)('nats-server under our supervision', () => {
  test('comes back on its port after a kill -9, and so do its clients', async () => {
    const logger = createRecordingLogger();
    await using broker = await startConfiguredBroker({}, {logger});
    await using alice = await open(broker.port, 'alice');
    await using node = await open(broker.port, 'node1');
    const {port} = broker;
    node.subscribe('mcollective.node.node1.example.net', (message) => node.publish(message.replyTo ?? '', nothing));
    await node.flush({timeoutMs: 5000});
    const engine = supervisedEngine(broker);
    const before = engine.serverId;
    process.kill(engine.processId ?? -1, 'SIGKILL');
    await expect.poll(() => engine.serverId !== before && engine.restarts, {timeout: 20_000}).toBe(1);
    expect(logger.lines.some(({message}) => message.includes('ended by itself'))).toBe(true);
    expect(broker.port).toBe(port);
    await expect
      .poll(
        async () => {
          try {
            await alice.request('mcollective.node.node1.example.net', nothing, {timeoutMs: 500});
            return 'answered';
          } catch (error) {
            return String(error);
          }
        },
        {timeout: 20_000},
      )
      .toBe('answered');
  });

  test('asks again about everybody at a reload: who stays allowed stays, who is not is cut', async () => {
    await using broker = await startConfiguredBroker();
    const events: string[] = [];
    const watch = (name: string) => ({
      disconnected: () => void events.push(`${name} disconnected`),
    });
    const openWatched = (name: string): Promise<Connection> =>
      openConnection({
        platform,
        name,
        servers: [`tls://127.0.0.1:${broker.port}`],
        tls: {material: testTlsMaterial(name), verify: false},
        inboxPrefix: `mcollective.reply.${name}`,
        events: watch(name),
      });
    await using alice = await openWatched('alice');
    await using node1 = await openWatched('node1');
    await using node2 = await openWatched('node2');
    const inner = createBrokerAuthenticator({clock: platform.clock});
    const withoutNode2: Authenticator = {
      ...inner,
      authenticate: (facts, connect) =>
        facts.tls?.peerCertificate?.commonName === 'node2.example.net'
          ? {isAdmitted: false, reason: 'revoked'}
          : inner.authenticate(facts, connect),
    };
    await supervisedEngine(broker).reload({authenticator: withoutNode2});
    await expect.poll(() => events).toContain('node2 disconnected');
    await alice.flush({timeoutMs: 5000});
    await node1.flush({timeoutMs: 5000});
    expect(events).toEqual(['node2 disconnected']);
    expect(node2.state).toBe('reconnecting');
  });

  test('a program that is none, and one that is too old, are errors that say how to get one', async () => {
    const start = (program: string) => startConfiguredBroker({'plugin.choria.network.nats_server': program});
    await expect(start('/nonexistent/nats-server')).rejects.toThrow('go install github.com/nats-io/nats-server');
    await expect(start('/bin/true')).rejects.toThrow('does not say that it is nats-server');
    await expect(
      findNatsServer({...platform, env: {PATH: '/nowhere'}, host: {...platform.host, homeDirectory: '/nowhere'}}, ''),
    ).rejects.toThrow('no program "nats-server" on the PATH');
  });

  test('a second start on the same port says so', async () => {
    await using broker = await startConfiguredBroker();
    await expect(startConfiguredBroker({'plugin.choria.network.client_port': String(broker.port)})).rejects.toThrow(
      /address already in use/,
    );
  });

  test('ends with a parent that is killed, and leaves nothing behind', async () => {
    const program = fileURLToPath(new URL('../fixtures/programs/supervised-parent.ts', import.meta.url));
    const temporary = await mkdtemp(join(tmpdir(), 'choria-orphan-'));
    const parent = spawn(process.execPath, ['--import', 'tsx', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {...process.env, TMPDIR: temporary},
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const {port} = JSON.parse(line.toString()) as {readonly port: number};
    expect(await accepts(port)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => accepts(port), {timeout: 20_000}).toBe(false);
    await expect
      .poll(async () => (await readdir(temporary)).filter((name) => name.startsWith('choria-broker-')))
      .toEqual([]);
    await rm(temporary, {recursive: true, force: true});
  });

  test('has the standard streams, keeps them over a restart, and takes changed settings over', async () => {
    const store = await mkdtemp(join(tmpdir(), 'choria-streams-'));
    const entries = {'plugin.choria.network.stream.store': store};
    const ageOf = async (port: number): Promise<unknown> => {
      await using alice = await open(port, 'alice');
      for (;;) {
        const {payload} = await alice.request('$JS.API.STREAM.INFO.CHORIA_EVENTS', nothing, {timeoutMs: 5000});
        const info = JSON.parse(payload.toString()) as {readonly config?: {readonly max_age: number}};
        if (info.config !== undefined) return info.config.max_age;
      }
    };
    try {
      await using broker = await startConfiguredBroker(entries);
      await using alice = await open(broker.port, 'alice');
      await expect
        .poll(
          async () => {
            const {payload} = await alice.request('$JS.API.STREAM.NAMES', nothing, {timeoutMs: 5000});
            return (JSON.parse(payload.toString()) as {readonly streams?: readonly string[] | null}).streams;
          },
          {timeout: 10_000},
        )
        .toEqual([
          'CHORIA_EVENTS',
          'CHORIA_EXECUTOR',
          'CHORIA_MACHINE',
          'CHORIA_STREAM_ADVISORIES',
          'KV_CHORIA_LEADER_ELECTION',
        ]);
      expect(await ageOf(broker.port)).toBe(86_400_000_000_000);
      await broker.stop();
      await using again = await startConfiguredBroker({
        ...entries,
        'plugin.choria.network.stream.event_retention': '2h',
      });
      await expect.poll(() => ageOf(again.port), {timeout: 10_000}).toBe(7_200_000_000_000);
    } finally {
      await rm(store, {recursive: true, force: true});
    }
  });
});
