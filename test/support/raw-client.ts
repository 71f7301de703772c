/** A client that sends and reads raw bytes of the NATS protocol, for tests that look at the wire. */
import type {ByteStream} from '../../src/lib/network.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';

/** Nothing more comes after this long without a byte. */
const quietMs = 40;
const patienceMs = 8000;

export class RawClient {
  #received = '';
  isClosed = false;
  hasReceivedAny = false;
  readonly #waiting = new Set<() => void>();
  readonly stream: ByteStream;
  readonly #platform: Platform;

  constructor(stream: ByteStream, platform: Platform) {
    this.#platform = platform;
    this.stream = stream;
    stream.onClose = () => {
      this.isClosed = true;
      this.#wake();
    };
    this.listen();
  }

  static async connect(
    broker: {readonly host: string; readonly port: number},
    platform = createNodePlatform(),
  ): Promise<RawClient> {
    const stream = await platform.network.connect({host: broker.host, port: broker.port, timeoutMs: patienceMs});
    return new RawClient(stream, platform);
  }

  listen(): void {
    this.stream.onData = (chunk) => {
      this.#received += chunk.toString('latin1');
      this.hasReceivedAny = true;
      this.#wake();
    };
  }

  send(text: string): void {
    this.stream.write(Buffer.from(text, 'latin1'));
    this.stream.flush();
  }

  /** What came since the last call: waits for as much as expected, then until it is quiet. */
  async read(expected: {readonly length: number; readonly closed: boolean}): Promise<string> {
    const deadline = this.#platform.clock.monotonicMs() + patienceMs;
    for (;;) {
      const enough = collapse(this.#received).length >= expected.length && (!expected.closed || this.isClosed);
      const seen = this.#received.length;
      const left = deadline - this.#platform.clock.monotonicMs();
      if (left <= 0) break;
      const more = await this.#change(enough ? quietMs : left);
      if (enough && !more && seen === this.#received.length) break;
    }
    const text = this.#received;
    this.#received = '';
    return collapse(text);
  }

  /** Everything that came and was not read, without waiting. */
  get received(): string {
    return this.#received;
  }

  /** The same, and forgets it. */
  take(): string {
    const text = this.#received;
    this.#received = '';
    this.hasReceivedAny = false;
    return text;
  }

  /** Waits until a condition on this client holds. */
  async until(condition: (client: RawClient) => boolean): Promise<void> {
    const deadline = this.#platform.clock.monotonicMs() + patienceMs;
    while (!condition(this)) {
      const left = deadline - this.#platform.clock.monotonicMs();
      if (left <= 0)
        throw new Error(
          `Gave up waiting; closed: ${this.isClosed}, received: ${JSON.stringify(this.#received.slice(-200))}`,
        );
      await this.#change(left);
    }
  }

  close(): void {
    this.stream.destroy();
  }

  #wake(): void {
    for (const waiting of this.#waiting) waiting();
  }

  #change(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#platform.clock.setTimer(() => finish(false), limitMs);
      const changed = (): void => finish(true);
      const finish = (isChanged: boolean): void => {
        timer.cancel();
        this.#waiting.delete(changed);
        resolve(isChanged);
      };
      this.#waiting.add(changed);
    });
  }
}

/** Each INFO line becomes the vectors' word for it. */
export function collapse(text: string): string {
  return text.replaceAll(/INFO \{[^\r\n]*\} ?\r\n/g, '<INFO>\r\n');
}
