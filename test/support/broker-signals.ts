/** `choria broker run` as a process of its own: what it does with signals, and with a port that is taken. Each engine runs all of it. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {connect as connectPlain} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {connect} from 'node:tls';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {type Connection, openConnection} from '../../src/connect/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {sleep} from '../../src/lib/platform.ts';
import {inboxPrefix} from '../../src/protocol/index.ts';
import {testTlsMaterial} from './broker.ts';
import {freePort, type ProgramOptions, type RunningProgram, startProgram} from './programs.ts';
import {brokerEntries, startConfiguredBroker} from './supervised.ts';

const platform = createNodePlatform();
const soon = {timeoutMs: 15_000};
const patient = {timeout: 30_000};
const testMs = 90_000;

interface BrokerProcess {
  readonly program: RunningProgram;
  readonly port: number;
  readonly url: string;
  readonly path: string;
}

export function describeBrokerSignals(
  engine: 'embedded' | 'nats-server',
  options: {readonly skip: boolean; readonly natsServer?: string | undefined},
): void {
  describe.skipIf(options.skip)(`choria broker run with the engine ${engine}`, () => {
    let directory = '';
    const programs: RunningProgram[] = [];

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'choria-broker-'));
    });
    afterEach(async () => {
      for (const program of programs.splice(0)) await program.stop();
      rmSync(directory, {recursive: true, force: true});
    });

    const write = (path: string, port: number, more: Readonly<Record<string, string>>): void => {
      const settings = {
        ...brokerEntries,
        logfile: 'stdout',
        loglevel: 'info',
        'plugin.choria.network.engine': engine,
        'plugin.choria.network.client_port': String(port),
        ...(options.natsServer === undefined ? {} : {'plugin.choria.network.nats_server': options.natsServer}),
        ...more,
      };
      const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`);
      writeFileSync(path, lines.join(''));
    };

    const startProcess = (path: string, words: readonly string[] = [], limits: ProgramOptions = {}): RunningProgram => {
      const program = startProgram(['broker', 'run', '--config', path, ...words], limits);
      programs.push(program);
      return program;
    };

    const start = async (
      name: string,
      more: Readonly<Record<string, string>> = {},
      limits: ProgramOptions = {},
    ): Promise<BrokerProcess> => {
      const port = await freePort();
      const path = join(directory, `${name}.conf`);
      write(path, port, more);
      const program = startProcess(path, ['--pid', join(directory, `${name}.pid`)], limits);
      // Each says so when it decides about connections.
      const isReady = engine === 'embedded' ? 'Listening for client connections' : 'Running nats-server';
      await expect.poll(() => program.log(), patient).toContain(isReady);
      return {program, port, path, url: `tls://127.0.0.1:${port}`};
    };

    test(
      'fault 57: SIGHUP takes a changed configuration over, a second start on its port says so, and SIGINT ends it',
      async () => {
        const {program, port, path, url} = await start('broker');
        expect(readFileSync(join(directory, 'broker.pid'), 'utf8')).toBe(String(program.pid));
        const events: string[] = [];
        await using alice = await open(() => [url], {events});
        // A name that says nothing yet, and is the system account's later.
        const auth = {user: 'system', password: 'wrong'};
        await closed(await open(() => [url], {auth}));

        const second = startProcess(path);
        expect(await second.ended).toBe(1);
        expect(second.log()).toMatch(/in use|already listens/i);

        writeFileSync(path, 'plugin.choria.network.client_port = many\n');
        program.signal('SIGHUP');
        await expect.poll(() => program.log(), patient).toContain('the earlier one stays');
        write(path, port, {
          'plugin.choria.network.system.user': auth.user,
          'plugin.choria.network.system.password': 's3cret',
        });
        for (let count = 0; count < 20; count += 1) program.signal('SIGHUP');
        await expect.poll(() => open(() => [url], {auth}).then(closed, () => false), patient).toBe(false);
        await alice.flush(soon);
        expect(events).toEqual([]);

        await alice.close();
        // In the middle of a reload.
        program.signal('SIGHUP');
        program.signal('SIGINT');
        expect(await program.ended, program.log()).toBe(0);
        expect(program.log()).toContain('Stopping the broker');
      },
      testMs,
    );

    test(
      'SIGTERM sends clients to another broker, and what they asked for before is answered',
      async () => {
        const leaving = await start('leaving');
        let places = [leaving.url];
        const events: string[] = [];
        await using node = await open(() => places, {certificate: 'node1', events});
        await using alice = await open(() => places, {events});
        await using staying = await startConfiguredBroker({'plugin.choria.network.engine': engine});
        // They learn of the other broker as a fleet does: by what their configuration says at that moment.
        places = [leaving.url, `tls://127.0.0.1:${staying.port}`];
        const subject = 'mcollective.node.node1.example.net';
        node.subscribe(subject, ({payload, replyTo}) => {
          void sleep(platform.clock, 400).then(() => node.publish(replyTo ?? '', payload));
        });
        await node.flush(soon);
        const asked = Array.from({length: 50}, (_unused, index) =>
          alice.request(subject, Buffer.from(String(index)), soon).then(({payload}) => Number(payload.toString())),
        );
        await alice.flush(soon);
        leaving.program.signal('SIGTERM');
        expect(await Promise.all(asked)).toEqual(asked.map((_request, index) => index));
        expect(await leaving.program.ended).toBe(0);
        // Never without a broker.
        expect(events).toEqual(['back', 'back']);
        const later = await alice.request(subject, Buffer.from('later'), soon);
        expect(later.payload.toString()).toBe('later');
      },
      testMs,
    );

    test(
      'fault 16: a broker that has no file for another connection serves those it has, idles, and recovers',
      async () => {
        const {program, port, url} = await start('narrow', {}, {openFilesMax: 128});
        await using alice = await open(() => [url], {});
        const streams = await Promise.all(
          Array.from({length: 200}, () =>
            platform.network.connect({host: '127.0.0.1', port, timeoutMs: 10_000}).catch(() => undefined),
          ),
        );
        const before = cpuTicksOf(program.pid);
        await alice.flush(soon);
        await sleep(platform.clock, 1000);
        await alice.flush(soon);
        // A loop that tries again and again would use the whole second.
        expect(cpuTicksOf(program.pid) - before).toBeLessThan(60);
        for (const stream of streams) stream?.destroy();
        await expect.poll(() => open(() => [url], {}).then(closed, () => false), patient).toBe(true);
        await alice.flush(soon);
        await alice.close();
        program.signal('SIGTERM');
        expect(await program.ended, program.log()).toBe(0);
      },
      testMs,
    );

    test(
      'fault 57: a client that does not go delays the end by its bound, a second signal ends it at once',
      async () => {
        const [hanging, bounded, hurried] = await Promise.all([
          start('hanging'),
          start('bounded', {'plugin.choria.network.soft_shutdown_timeout': '1'}),
          start('hurried'),
        ]);
        const brokers = [hanging, bounded, hurried];
        const clients = await Promise.all(brokers.map(({port}) => hang(port)));
        for (const {program} of brokers) program.signal('SIGTERM');
        await expect.poll(() => hurried.program.log(), patient).toContain('Stopping the broker');
        hurried.program.signal('SIGTERM');
        expect(await hurried.program.ended).toBe(1);
        const code = await bounded.program.ended;
        // nats-server lets nobody hang.
        if (engine === 'embedded') expect(code).toBe(1);
        expect(bounded.program.log().includes('Ending by force: not done 1 seconds after')).toBe(code === 1);
        expect(await hanging.program.ended).toBe(0);
        // Nothing of them is left behind.
        for (const {port} of brokers) await expect.poll(() => isListening(port), patient).toBe(false);
        for (const client of clients) client.destroy();
      },
      testMs,
    );
  });
}

function open(
  servers: () => readonly string[],
  options: {
    readonly certificate?: 'alice' | 'node1';
    readonly events?: string[];
    readonly auth?: {readonly user: string; readonly password: string};
  },
): Promise<Connection> {
  const {certificate = 'alice', events, auth} = options;
  const identity = certificate === 'alice' ? 'alice.mcollective' : `${certificate}.example.net`;
  return openConnection({
    platform,
    name: certificate,
    servers: () => Promise.resolve(servers()),
    tls: {material: testTlsMaterial(certificate), verify: false},
    inboxPrefix: inboxPrefix('mcollective', identity),
    attemptsMax: 1,
    ...(auth === undefined ? {} : {auth}),
    events: {
      disconnected: () => void events?.push('lost'),
      reconnected: () => void events?.push('back'),
    },
  });
}

/** Hundredths of a second that a process has computed. */
function cpuTicksOf(pid: number): number {
  const [user = 0, system = 0] =
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13).map(Number) ?? [];
  return user + system;
}

async function closed(connection: Connection): Promise<true> {
  await connection.close();
  return true;
}

async function isListening(port: number): Promise<boolean> {
  try {
    const stream = await platform.network.connect({host: '127.0.0.1', port, timeoutMs: 1000});
    stream.destroy();
    return true;
  } catch {
    return false;
  }
}

/** A client that has said CONNECT and then neither reads nor goes. */
async function hang(port: number): Promise<{destroy(): void}> {
  const {certificatePem: cert, keyPem: key} = testTlsMaterial('alice');
  const plain = connectPlain(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    plain.once('data', () => resolve());
    plain.once('error', reject);
  });
  const socket = connect({socket: plain, cert, key, rejectUnauthorized: false});
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () =>
      socket.write('CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\nPING\r\n'),
    );
    socket.once('data', () => resolve());
  });
  socket.on('error', () => undefined);
  plain.on('error', () => undefined);
  socket.pause();
  plain.pause();
  return {destroy: () => void plain.destroy()};
}
