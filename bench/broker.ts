/** Throughput of the embedded broker beside a real nats-server, turn by turn in one run, each in a process of its own. */
import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {type PeerServer, startNatsServer, stopper} from './_nats-server.ts';
import {publishLoad} from './broker-load.ts';
import {type BenchContext, type BenchRow, benchRow, median} from './row.ts';

const rounds = 3;

const cases = [
  {name: '1 to 1, 16 B', payloadBytes: 16, subscribers: 1, messages: 3_000_000},
  {name: '1 to 1, 1 KiB', payloadBytes: 1024, subscribers: 1, messages: 600_000},
  {name: '1 to 4, 16 B', payloadBytes: 16, subscribers: 4, messages: 1_000_000},
] as const;

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

async function startOurs(): Promise<PeerServer> {
  const script = fileURLToPath(new URL('./broker-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], {stdio: ['pipe', 'pipe', 'inherit']});
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    child.once('exit', (code) => reject(new Error(`The embedded broker ended with ${code}`)));
  });
  return {port, stop: stopper(child, 'SIGTERM')};
}
