/**
 * 10,000 connections to the embedded broker of which 100 do not read: what the others lose (nothing), and how much memory the broker takes.
 *
 * The readers get small messages, those that stopped get large ones until they are cut. Four processes hold the connections, each from an address
 * of its own, so that none needs more than a few thousand file descriptors; the broker needs 10,100.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {createNodeNetwork} from '../src/lib/node-network.ts';
import {type BenchContext, type BenchRow, benchRow} from './row.ts';

const processes = 4;
const connectionsOfEach = 2500;
const stoppedOfEach = 25;
const lightMessages = 200;
/** Small enough that each reader's copy is its own. */
const heavyBytes = 16_384;
/** More than the bound of one connection, 64 MiB. */
const heavyMessages = 4400;
const heavyForEachLight = heavyMessages / lightMessages;
const mebibyte = 1_048_576;

export async function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const broker = start('./broker-child.ts', ['plain']);
  const port = Number((await firstLine(broker)).trim());
  const holders = Array.from({length: processes}, (_unused, index) =>
    start('./_slow-readers-clients.ts', [
      String(port),
      String(connectionsOfEach),
      String(stoppedOfEach),
      `127.0.0.${index + 2}`,
    ]),
  );
  try {
    await Promise.all(holders.map(firstLine));
    const before = memoryOf(broker);
    context.say(`slow-readers: ${processes * connectionsOfEach} connections, ${Math.round(before / mebibyte)} MiB`);
    let most = before;
    await flood(port, () => {
      most = Math.max(most, memoryOf(broker));
    });
    const received = await Promise.all(
      holders.map(async (holder) => {
        const line = firstLine(holder);
        holder.stdin?.end();
        return (await line).trim().split(' ').map(Number);
      }),
    );
    const lost = received.filter(([least, largest]) => least !== lightMessages || largest !== lightMessages).length;
    const after = memoryOf(broker);
    return [
      benchRow('slow-readers: processes whose readers lost or doubled a message', {
        unit: 'of 4',
        ours: lost,
        goal: {atMost: 0},
      }),
      benchRow('slow-readers: most memory of the broker', {
        unit: 'MiB',
        ours: most / mebibyte,
        goal: {atMost: 2048},
        note: `${Math.round(before / mebibyte)} MiB before, ${Math.round(after / mebibyte)} MiB after`,
      }),
    ];
  } finally {
    for (const child of [...holders, broker]) child.kill('SIGKILL');
  }
}

function start(script: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(process.execPath, ['--import', 'tsx', path, ...args], {stdio: ['pipe', 'pipe', 'inherit']});
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('The child has no output');
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return chunk.toString();
}

function memoryOf(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Small messages for the readers between large ones for those that stopped; each confirmed before the next, and all at the end. */
async function flood(port: number, look: () => void): Promise<void> {
  const stream = await createNodeNetwork().connect({host: '127.0.0.1', port, timeoutMs: 60_000});
  const seen = {pongs: 0, asked: 0, wake: (): void => {}};
  stream.onData = (chunk) => {
    seen.pongs += chunk.toString('latin1').split('PONG').length - 1;
    seen.wake();
  };
  const confirmed = async (): Promise<void> => {
    seen.asked += 1;
    stream.write(Buffer.from('PING\r\n'));
    while (seen.pongs < seen.asked) await new Promise<void>((resolve) => (seen.wake = resolve));
  };
  stream.write(Buffer.from('CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n'));
  const heavy = Buffer.from(`PUB heavy ${heavyBytes}\r\n${'x'.repeat(heavyBytes)}\r\n`);
  const light = Buffer.from('PUB light 16\r\n0123456789abcdef\r\n');
  for (let count = 0; count < heavyMessages; count += 1) {
    stream.write(heavy);
    if (count % heavyForEachLight === 0) stream.write(light);
    if (count % 8 === 7) await confirmed();
    if (count % 64 === 0) look();
  }
  // A reader may be behind by what its own process has not read yet.
  for (let count = 0; count < 50; count += 1) {
    await confirmed();
    await new Promise((resolve) => setTimeout(resolve, 100));
    look();
  }
  stream.destroy();
}
