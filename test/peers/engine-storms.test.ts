/** What comes in thousands, or says nothing, to each engine in a process of its own. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {once} from 'node:events';
import {connect as connectPlain, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {connect as connectTls, type TLSSocket} from 'node:tls';
import {describe, expect, test} from 'vitest';
import {defaultBrokerLimits} from '../../src/broker/index.ts';
import {type Connection, openConnection} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {sleep} from '../../src/lib/platform.ts';
import {inboxPrefix} from '../../src/protocol/index.ts';
import {testTlsMaterial} from '../support/broker.ts';
import {freePort, startProgram} from '../support/programs.ts';
import {brokerEntries, startConfiguredBroker, supervisedEngine} from '../support/supervised.ts';
import {missingPeer} from './nats-server.ts';

const platform = createNodePlatform();
const patient = {timeout: 60_000, interval: 50};
const testMs = 150_000;
/** The list asks for ten thousand; the rest of what may be open is left to this process itself. */
const silentCount = Math.min(10_000, openFilesMax() - 500);
const fleetSize = 200;

function openFilesMax(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}

interface Storm extends AsyncDisposable {
  readonly port: number;
  /** Ends what serves clients by SIGKILL; it comes back on the same port. */
  kill(): Promise<void>;
}

async function startEmbedded(): Promise<Storm> {
  const directory = mkdtempSync(join(tmpdir(), 'choria-storm-'));
  const port = await freePort();
  const path = join(directory, 'broker.conf');
  const settings = {...brokerEntries, 'plugin.choria.network.client_port': String(port), logfile: 'stdout'};
  writeFileSync(
    path,
    Object.entries(settings)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
  );
  const run = async () => {
    const program = startProgram(['broker', 'run', '--config', path]);
    await expect.poll(() => program.log(), patient).toContain('Listening for client connections');
    return program;
  };
  let program = await run();
  return {
    port,
    kill: async () => {
      await program.stop();
      program = await run();
    },
    [Symbol.asyncDispose]: async () => {
      await program.stop();
      rmSync(directory, {recursive: true, force: true});
    },
  };
}

async function startSupervised(): Promise<Storm> {
  const broker = await startConfiguredBroker();
  const engine = supervisedEngine(broker);
  return {
    port: broker.port,
    kill: async () => {
      const before = engine.serverId;
      process.kill(engine.processId ?? -1, 'SIGKILL');
      await expect.poll(() => engine.serverId !== before && engine.restarts, patient).toBe(1);
    },
    [Symbol.asyncDispose]: () => broker.stop(),
  };
}

function open(port: number, name: 'alice' | 'node1'): Promise<Connection> {
  const identity = name === 'alice' ? 'alice.mcollective' : `${name}.example.net`;
  return openConnection({
    platform,
    name,
    servers: [`tls://127.0.0.1:${port}`],
    tls: {material: testTlsMaterial(name), verify: false},
    inboxPrefix: inboxPrefix('mcollective', identity),
  });
}

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');

describe.skipIf(skip).each([
  ['embedded', startEmbedded],
  ['nats-server', startSupervised],
] as const)('the engine %s in a storm', (_engine, start) => {
  test(
    `fault 6: ${silentCount} connections that never say anything are cut, and a healthy one is served meanwhile`,
    async () => {
      await using storm = await start();
      const sockets: Socket[] = [];
      let closed = 0;
      try {
        while (sockets.length < silentCount) {
          const batch = Array.from({length: Math.min(500, silentCount - sockets.length)}, () =>
            connectPlain(storm.port, '127.0.0.1'),
          );
          for (const socket of batch) {
            socket.on('error', () => socket.destroy());
            socket.once('close', () => (closed += 1));
            socket.resume();
          }
          sockets.push(...batch);
          await Promise.all(batch.map((socket) => once(socket, 'ready')));
        }
        await using healthy = await open(storm.port, 'alice');
        await healthy.flush({timeoutMs: 30_000});
        await expect.poll(() => closed, patient).toBe(silentCount);
        await healthy.flush({timeoutMs: 30_000});
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    },
    testMs,
  );

  test(
    `fault 15: after a kill -9 all of ${fleetSize} nodes come back, each with its subscription`,
    async () => {
      await using storm = await start();
      const subject = 'mcollective.node.node1.example.net';
      const latest = new Map<Connection, number>();
      const nodes: Connection[] = [];
      try {
        for (let index = 0; index < fleetSize; index += 1) {
          const node = await open(storm.port, 'node1');
          nodes.push(node);
          node.subscribe(subject, ({payload}) => void latest.set(node, Number(payload.toString())));
        }
        await Promise.all(nodes.map((node) => node.flush({timeoutMs: 30_000})));
        await using alice = await open(storm.port, 'alice');
        let round = 0;
        const reached = async (): Promise<number> => {
          round += 1;
          const current = round;
          alice.publish(subject, Buffer.from(String(current)));
          const hearing = (): number => nodes.filter((node) => latest.get(node) === current).length;
          // Nodes that are away hear the next one.
          for (let look = 0; look < 50 && hearing() < fleetSize; look += 1) await sleep(platform.clock, 20);
          return hearing();
        };
        await expect.poll(reached, patient).toBe(fleetSize);
        await storm.kill();
        await expect.poll(reached, patient).toBe(fleetSize);
      } finally {
        await Promise.all(nodes.map((node) => node.close()));
      }
    },
    testMs,
  );
});

describe.skipIf(skip)('the engine nats-server', () => {
  /** A caller that says hello and answers nothing afterwards. */
  async function silentCaller(port: number): Promise<TLSSocket> {
    const {certificatePem, keyPem, caPem} = testTlsMaterial('alice');
    const plain = connectPlain(port, '127.0.0.1');
    await once(plain, 'data');
    plain.pause();
    const socket = connectTls({socket: plain, cert: certificatePem, key: keyPem, ca: caPem, rejectUnauthorized: false});
    await once(socket, 'secureConnect');
    socket.on('error', () => socket.destroy());
    socket.write('CONNECT {"verbose":false,"pedantic":false,"protocol":0}\r\nPING\r\n');
    return socket;
  }

  test('fault 14: who answers no PING, and who does not even read, is cut after the second', async () => {
    await using broker = await startConfiguredBroker();
    await supervisedEngine(broker).reload({limits: {...defaultBrokerLimits, pingIntervalMs: 500, pingsOutMax: 1}});
    const [deaf, gone] = [await silentCaller(broker.port), await silentCaller(broker.port)];
    let heard = '';
    const ended = once(deaf, 'close');
    deaf.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    await ended;
    expect(heard).toMatch(/^PONG\r\n(?:INFO [^\r]*\r\n)?(?:PING\r\n)+-ERR 'Stale Connection'\r\n$/);
    const goneEnded = once(gone, 'close');
    gone.resume();
    await goneEnded;
  }, 60_000);
});
