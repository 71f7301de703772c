/**
 * A broker that does exactly what a test tells it, line by line, on a real loopback socket.
 */
import type {ByteStream, Listener} from '../../src/lib/network.ts';
import type {Network} from '../../src/lib/platform.ts';

export class ScriptedPeer {
  readonly stream: ByteStream;
  readonly lines: string[] = [];
  #buffer = '';
  #waiting: (() => void)[] = [];
  closed = false;

  constructor(stream: ByteStream) {
    this.stream = stream;
    stream.onClose = () => {
      this.closed = true;
      this.#wake();
    };
    this.listen();
  }

  listen(): void {
    this.stream.onData = (chunk) => {
      this.#buffer += chunk.toString('latin1');
      const parts = this.#buffer.split('\r\n');
      this.#buffer = parts.pop() ?? '';
      this.lines.push(...parts);
      this.#wake();
    };
  }

  send(text: string): void {
    this.stream.write(Buffer.from(text));
  }

  info(fields: Readonly<Record<string, unknown>> = {}): void {
    this.send(
      `INFO ${JSON.stringify({server_id: 'N', version: '2.10.0', headers: true, max_payload: 1_048_576, ...fields})} \r\n`,
    );
  }

  /** Waits for a line that starts with `start`; shows what came when it gives up with the test's timeout. */
  async line(start: string): Promise<string> {
    for (;;) {
      const at = this.lines.findIndex((line) => line.startsWith(start));
      if (at >= 0) return this.lines.splice(0, at + 1).at(-1) ?? '';
      if (this.closed) throw new Error(`the client closed before "${start}"; seen: ${JSON.stringify(this.lines)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** INFO, CONNECT, PING, PONG. */
  async greet(fields: Readonly<Record<string, unknown>> = {}): Promise<Readonly<Record<string, unknown>>> {
    this.info(fields);
    const connect = await this.line('CONNECT ');
    await this.line('PING');
    this.send('PONG\r\n');
    return JSON.parse(connect.slice(8)) as Record<string, unknown>;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export interface ScriptedBroker extends AsyncDisposable {
  readonly url: string;
  /** The next connection that nobody took yet. */
  next(): Promise<ScriptedPeer>;
}

export async function startScriptedBroker(network: Network): Promise<ScriptedBroker> {
  const ready: ScriptedPeer[] = [];
  const all: ScriptedPeer[] = [];
  const waiting: ((peer: ScriptedPeer) => void)[] = [];
  const listener: Listener = await network.listen({host: '127.0.0.1', port: 0}, (stream) => {
    const peer = new ScriptedPeer(stream);
    all.push(peer);
    const waiter = waiting.shift();
    if (waiter) waiter(peer);
    else ready.push(peer);
  });
  return {
    url: `nats://127.0.0.1:${listener.port}`,
    next() {
      const peer = ready.shift();
      return peer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(peer);
    },
    async [Symbol.asyncDispose]() {
      for (const peer of all) peer.stream.destroy();
      await listener.close();
    },
  };
}
