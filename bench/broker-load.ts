/** Publishes through a NATS server as fast as it takes it, and counts what arrives. Raw bytes on both sides, so that the server is what is measured. */
import {connect, type Socket} from 'node:net';

export interface LoadOptions {
  readonly port: number;
  readonly payloadBytes: number;
  readonly subscribers: number;
  readonly messages: number;
}

const subject = 'bench.subject';
const chunkBytes = 65_536;

async function join(port: number): Promise<Socket> {
  const socket = connect({host: '127.0.0.1', port, noDelay: true});
  socket.write('CONNECT {"verbose":false,"pedantic":false,"protocol":1,"echo":true}\r\nPING\r\n');
  await answer(socket);
  return socket;
}

function answer(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!text.includes('PONG\r\n')) return;
      socket.off('data', onData);
      resolve();
    };
    socket.on('data', onData);
    socket.once('error', reject);
  });
}

function counted(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received >= bytes) resolve();
    });
    socket.once('close', () => reject(new Error(`The server closed a subscriber after ${received} of ${bytes} bytes`)));
  });
}

/** Messages per second, from the first byte sent to the last byte at the last subscriber. */
export async function publishLoad(options: LoadOptions): Promise<number> {
  const payload = 'x'.repeat(options.payloadBytes);
  const received = `MSG ${subject} 1 ${options.payloadBytes}\r\n${payload}\r\n`.length * options.messages;
  const subscribers: Socket[] = [];
  for (let index = 0; index < options.subscribers; index += 1) {
    const socket = await join(options.port);
    socket.write(`SUB ${subject} 1\r\nPING\r\n`);
    await answer(socket);
    // What the server says of itself after the first PONG must not be counted.
    await new Promise((resolve) => setImmediate(resolve));
    subscribers.push(socket);
  }
  const publisher = await join(options.port);
  publisher.on('data', () => {});
  const all = Promise.all(subscribers.map((socket) => counted(socket, received)));
  const one = Buffer.from(`PUB ${subject} ${options.payloadBytes}\r\n${payload}\r\n`);
  const perChunk = Math.max(1, Math.floor(chunkBytes / one.length));
  const chunk = Buffer.concat(Array.from({length: perChunk}, () => one));
  const startedAt = performance.now();
  for (let sent = 0; sent < options.messages; sent += perChunk) {
    const count = Math.min(perChunk, options.messages - sent);
    const more = publisher.write(chunk.subarray(0, count * one.length));
    if (!more) await new Promise<void>((resolve) => publisher.once('drain', () => resolve()));
  }
  await all;
  const seconds = (performance.now() - startedAt) / 1000;
  for (const socket of [...subscribers, publisher]) {
    socket.removeAllListeners('close');
    socket.destroy();
  }
  return options.messages / seconds;
}
