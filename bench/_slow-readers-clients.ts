/**
 * Connections of the bench `slow-readers`, in a process of their own: most read, some stop reading after they subscribed.
 *
 *     node _slow-readers-clients.ts PORT COUNT STOPPED LOCAL-ADDRESS
 *
 * Says `ready` when all are subscribed; at the end of its input it says how many messages each reading connection got at least and at most.
 */
import {createNodeNetwork} from '../src/lib/node-network.ts';
import type {ByteStream} from '../src/lib/network.ts';
import {ClientParser} from '../src/natswire/index.ts';

const [port = 0, count = 0, stopped = 0] = process.argv.slice(2, 5).map(Number);
const localAddress = process.argv[5] ?? '127.0.0.1';
const network = createNodeNetwork();
const counts = new Uint32Array(count);
const abreast = 32;

async function join(index: number): Promise<void> {
  const stream: ByteStream = await network.connect({host: '127.0.0.1', port, timeoutMs: 60_000, localAddress});
  const isStopped = index < stopped;
  await new Promise<void>((resolve) => {
    const parser = new ClientParser({
      onInfo: () => {},
      onMessage: () => {
        counts[index] = (counts[index] ?? 0) + 1;
      },
      onPing: () => void stream.write(Buffer.from('PONG\r\n')),
      onPong: () => {
        if (isStopped) stream.pause();
        resolve();
      },
      onOk: () => {},
      onError: () => {},
    });
    stream.onData = (chunk) => parser.push(chunk);
    const subjects = isStopped ? 'SUB heavy 1\r\n' : 'SUB light 1\r\n';
    stream.write(Buffer.from(`CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n${subjects}PING\r\n`));
  });
}

let next = 0;
await Promise.all(
  Array.from({length: abreast}, async () => {
    while (next < count) await join(next++);
  }),
);
process.stdout.write('ready\n');
process.stdin.on('data', () => {});
process.stdin.on('end', () => {
  const reading = counts.subarray(stopped);
  const smallest = reading.reduce((least, value) => Math.min(least, value), Infinity);
  const largest = reading.reduce((most, value) => Math.max(most, value), 0);
  process.stdout.write(`${smallest} ${largest}\n`, () => process.exit(0));
});
