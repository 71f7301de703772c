/**
 * What connections cost the embedded broker: memory, TLS handshakes, a round trip through it; and, when `CHORIA_BENCH_LARGE` is set (it needs
 * 20,000 files for each process), one broadcast to 19,000 connections with an answer from each.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {connect as connectTcp, type Socket} from 'node:net';
import {connect as connectTls, createSecureContext, type TLSSocket} from 'node:tls';
import {fileURLToPath} from 'node:url';
import type {ByteStream} from '../src/lib/network.ts';
import {createNodeNetwork} from '../src/lib/node-network.ts';
import {testTlsMaterial} from '../test/support/broker.ts';
import {startNatsServer} from './_nats-server.ts';
import {type BenchContext, type BenchRow, benchRow, median} from './row.ts';

const hello = Buffer.from('CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\nPING\r\n');
const connections = 1000;
const handshakes = 400;
const roundTrips = 5000;
const fleet = 19_000;
const fleetRounds = 7;
const abreast = 16;
const timeoutMs = 30_000;

interface Child {
  readonly port: number;
  /** Resident memory in bytes. */
  memory(): number;
  /** User and system, since it was started. */
  processorMs(): number;
  stop(): void;
}

export async function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const result: BenchRow[] = [];
  for (const kind of ['plain', 'tls'] as const) {
    const child = await startChild(kind);
    try {
      result.push(await memoryRow(child, kind));
      if (kind === 'tls') result.push(await handshakeRow(child, 'full'), await handshakeRow(child, 'resumed'));
      else result.push(await roundTripRow(child));
      if (kind === 'plain' && process.env['CHORIA_BENCH_LARGE'] !== undefined)
        result.push(await fleetRow(child, context));
    } finally {
      child.stop();
    }
    context.say(`broker-connections: ${kind} done`);
  }
  return result;
}

async function startChild(kind: 'plain' | 'tls'): Promise<Child> {
  const script = fileURLToPath(new URL('./broker-child.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    child.once('exit', (code) => reject(new Error(`The embedded broker ended with ${code}`)));
  });
  return {
    port,
    memory: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    processorMs: () => {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    stop: () => void child.kill('SIGTERM'),
  };
}

const shared = createNodeNetwork();

async function join(port: number, kind: 'plain' | 'tls'): Promise<ByteStream> {
  const stream = await shared.connect({host: '127.0.0.1', port, timeoutMs});
  if (kind === 'tls') {
    await until(stream, 'INFO ');
    await stream.startTlsClient({
      material: testTlsMaterial('alice'),
      serverName: 'broker.example.net',
      verify: true,
      timeoutMs,
    });
  }
  stream.write(hello);
  await until(stream, 'PONG\r\n');
  return stream;
}

function until(stream: ByteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = '';
    stream.onClose = () => reject(new Error('The broker closed the connection'));
    stream.onData = (chunk) => {
      seen += chunk.toString('latin1');
      if (!seen.includes(text)) return;
      stream.onData = () => {};
      resolve();
    };
  });
}

/** Several at a time, as a fleet comes. */
async function many<Result>(count: number, make: (index: number) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      results.push(await make(index));
    }
  };
  await Promise.all(Array.from({length: abreast}, worker));
  return results;
}

function close(streams: readonly ByteStream[]): void {
  for (const stream of streams) {
    stream.onClose = undefined;
    stream.destroy();
  }
}

async function memoryRow(child: Child, kind: 'plain' | 'tls'): Promise<BenchRow> {
  // The first ones also pay for code and buffers that all share.
  const first = await many(100, () => join(child.port, kind));
  const before = child.memory();
  const streams = await many(connections, () => join(child.port, kind));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const each = (child.memory() - before) / connections / 1000;
  close([...first, ...streams]);
  const name = kind === 'tls' ? 'mutual TLS' : 'plain';
  return benchRow(`broker: memory of a ${name} connection`, {
    unit: 'kB',
    ours: Math.round(each * 10) / 10,
    peer: kind === 'tls' ? 74 : 42.7,
    goal: {atMost: kind === 'tls' ? 60 : 8},
    note: 'peer: nats-server, measured earlier on this kind of machine; lower is better',
  });
}

/** A client that does no more than it has to, with one context for all connections, as a process has: it takes its time from the broker. */
async function handshakeRow(child: Child, kind: 'full' | 'resumed'): Promise<BenchRow> {
  const {certificatePem, keyPem, caPem} = testTlsMaterial('alice');
  const context = createSecureContext({cert: certificatePem, key: keyPem, ca: caPem});
  const join = async (session?: Buffer): Promise<TLSSocket> => {
    const raw = connectTcp({host: '127.0.0.1', port: child.port, noDelay: true});
    await untilText(raw, 'INFO ');
    const socket = connectTls({
      socket: raw,
      secureContext: context,
      servername: 'broker.example.net',
      ...(session === undefined ? {} : {session}),
    });
    const joined = untilText(socket, 'PONG\r\n');
    socket.once('secureConnect', () => socket.write(hello));
    await joined;
    return socket;
  };
  const session = kind === 'full' ? undefined : await ticket(join);
  const brokerBefore = child.processorMs();
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const sockets = await many(handshakes, () => join(session));
  const seconds = (performance.now() - startedAt) / 1000;
  const used = process.cpuUsage(cpuBefore);
  const brokerMs = (child.processorMs() - brokerBefore) / handshakes;
  const resumed = sockets.filter((socket) => socket.isSessionReused()).length;
  for (const socket of sockets) socket.destroy();
  const ownMs = (used.user + used.system) / 1000 / handshakes;
  return benchRow(`broker: TLS handshakes, ${kind}`, {
    unit: 'connections/s',
    ours: Math.round(handshakes / seconds),
    peer: 500,
    goal: {atLeast: kind === 'full' ? 400 : 900},
    note: `${resumed} of ${handshakes} resumed; processor time for each: broker ${brokerMs.toFixed(2)} ms, client on the same machine ${ownMs.toFixed(2)} ms; peer: nats-server, full, measured earlier`,
  });
}

/** The ticket of a connection that stays until it has come: behind the handshake, before what is sent then is answered. */
async function ticket(join: () => Promise<TLSSocket>): Promise<Buffer | undefined> {
  const socket = await join();
  const session = socket.getSession();
  socket.destroy();
  return session;
}

function untilText(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString('latin1');
      if (!seen.includes(text)) return;
      socket.off('data', onData);
      resolve();
    };
    socket.on('data', onData);
    socket.once('error', reject);
  });
}

async function roundTripRow(child: Child): Promise<BenchRow> {
  const [asker, answerer] = [await join(child.port, 'plain'), await join(child.port, 'plain')];
  answerer.write(Buffer.from('SUB question 1\r\nPING\r\n'));
  await until(answerer, 'PONG\r\n');
  answerer.onData = () => void answerer.write(Buffer.from('PUB answer 2\r\nok\r\n'));
  asker.write(Buffer.from('SUB answer 1\r\nPING\r\n'));
  await until(asker, 'PONG\r\n');
  const startedAt = performance.now();
  for (let count = 0; count < roundTrips; count += 1) {
    asker.write(Buffer.from('PUB question answer 2\r\nhi\r\n'));
    await until(asker, 'ok\r\n');
  }
  const microseconds = ((performance.now() - startedAt) * 1000) / roundTrips;
  close([asker, answerer]);
  return benchRow('broker: request and reply', {unit: 'us', ours: Math.round(microseconds), goal: {atMost: 500}});
}

/** Our broker and then a nats-server: nobody has files for both at once. */
async function fleetRow(child: Child, context: BenchContext): Promise<BenchRow> {
  const before = child.memory();
  const ours = await fleetTimes(child.port);
  const eachKilobytes = (child.memory() - before) / fleet / 1000;
  const server = await startNatsServer(context);
  const peer = server === undefined ? [] : await fleetTimes(server.port);
  await server?.stop();
  context.say(`broker-connections: 19,000: ${JSON.stringify({ours, peer})}`);
  return benchRow('broker: 19,000 connections, one broadcast and an answer of each', {
    unit: 'ms',
    ours: Math.round(median(ours)),
    peer: peer.length === 0 ? undefined : Math.round(median(peer)),
    goal: {atMost: 500},
    note: `peer: nats-server in the same run; lower is better; ours held ${eachKilobytes.toFixed(1)} kB for each connection`,
  });
}

/** Broadcasts of 2.5 kB, one after the other, each with an answer of 1.2 kB from everybody: how long until the last, in ms. */
async function fleetTimes(port: number): Promise<readonly number[]> {
  const payload = 'x'.repeat(1200);
  const answer = Buffer.from(`PUB answers ${payload.length}\r\n${payload}\r\n`);
  const broadcast = Buffer.from(`PUB everybody 2500\r\n${'x'.repeat(2500)}\r\n`);
  const arriving = `MSG everybody 1 2500\r\n${'x'.repeat(2500)}\r\n`.length;
  const nodes = await many(fleet, async () => {
    const node = await join(port, 'plain');
    node.write(Buffer.from('SUB everybody 1\r\nPING\r\n'));
    await until(node, 'PONG\r\n');
    let seen = 0;
    node.onData = (chunk) => {
      seen += chunk.length;
      if (seen < arriving) return;
      seen -= arriving;
      node.write(answer);
    };
    return node;
  });
  const caller = await join(port, 'plain');
  caller.write(Buffer.from('SUB answers 1\r\nPING\r\n'));
  await until(caller, 'PONG\r\n');
  const wanted = fleet * `MSG answers 1 ${payload.length}\r\n${payload}\r\n`.length;
  const times: number[] = [];
  for (let round = 0; round < fleetRounds; round += 1) {
    const startedAt = performance.now();
    await new Promise<void>((resolve) => {
      let received = 0;
      caller.onData = (chunk) => {
        received += chunk.length;
        if (received >= wanted) resolve();
      };
      caller.write(broadcast);
    });
    times.push(Math.round(performance.now() - startedAt));
  }
  close([...nodes, caller]);
  return times;
}
