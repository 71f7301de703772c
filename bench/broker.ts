/** Throughput of the embedded broker beside a real nats-server, turn by turn in one run, each in a process of its own. */
import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {homedir, tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {publishLoad} from './broker-load.ts';
import {type BenchContext, type BenchRow, benchRow, median} from './row.ts';

const rounds = 3;

const cases = [
  {name: '1 to 1, 16 B', payloadBytes: 16, subscribers: 1, messages: 3_000_000},
  {name: '1 to 1, 1 KiB', payloadBytes: 1024, subscribers: 1, messages: 600_000},
  {name: '1 to 4, 16 B', payloadBytes: 16, subscribers: 4, messages: 1_000_000},
] as const;

interface Server {
  readonly port: number;
  stop(): Promise<void>;
}

export async function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const ours = await startOurs();
  const peer = await startNatsServer(context);
  try {
    const result: BenchRow[] = [];
    for (const item of cases) {
      const figures: {ours: number[]; peer: number[]} = {ours: [], peer: []};
      for (let round = 0; round < rounds; round += 1) {
        figures.ours.push(await publishLoad({...item, port: ours.port}));
        if (peer !== undefined) figures.peer.push(await publishLoad({...item, port: peer.port}));
      }
      context.say(`broker: ${item.name}: ${JSON.stringify(figures)}`);
      result.push(
        benchRow(`broker: ${item.name}`, {
          unit: 'messages/s',
          ours: median(figures.ours),
          peer: figures.peer.length === 0 ? undefined : median(figures.peer),
          goal: {atLeastTimesPeer: 1},
        }),
      );
    }
    return result;
  } finally {
    await ours.stop();
    await peer?.stop();
  }
}

function stopper(child: ChildProcess, signal: NodeJS.Signals): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) {
        resolve();
        return;
      }
      child.once('exit', () => resolve());
      child.kill(signal);
    });
}

async function startOurs(): Promise<Server> {
  const script = fileURLToPath(new URL('./broker-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], {stdio: ['pipe', 'pipe', 'inherit']});
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    child.once('exit', (code) => reject(new Error(`The embedded broker ended with ${code}`)));
  });
  return {port, stop: stopper(child, 'SIGTERM')};
}

function findNatsServer(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), join(homedir(), 'go', 'bin')];
  return folders.map((folder) => join(folder, 'nats-server')).find((path) => existsSync(path));
}

async function startNatsServer(context: BenchContext): Promise<Server | undefined> {
  const program = findNatsServer();
  if (program === undefined) {
    context.say('broker: no nats-server found: go install github.com/nats-io/nats-server/v2@v2.15.2');
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'choria-bench-'));
  const child = spawn(program, ['-a', '127.0.0.1', '-p', '-1', '--ports_file_dir', folder], {stdio: 'ignore'});
  const stop = stopper(child, 'SIGTERM');
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const file = readdirSync(folder).find((name) => name.endsWith('.ports'));
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
    const found = /nats:\/\/127\.0\.0\.1:(\d+)/.exec(text);
    if (found !== null) {
      return {
        port: Number(found[1]),
        stop: async () => {
          await stop();
          rmSync(folder, {recursive: true, force: true});
        },
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error('nats-server did not start within 5 s');
}
