/**
 * The network between simulated hosts: latency, loss (which TCP turns into delay), partitions in one or both directions, resets, flipped
 * bits, and connections that are forgotten on the way without a word.
 *
 * A partition says nothing to anybody: what is sent waits as in TCP's buffers and arrives when the link has healed.
 */
import type {ByteStream, ConnectOptions, Listener, ListenOptions} from '../lib/network.ts';
import {NetworkError} from '../lib/network-errors.ts';
import type {SimRandom} from './random.ts';
import {SimStream} from './stream.ts';
import type {Timeline} from './timeline.ts';
import {TlsContexts} from './tls-real.ts';
import {TlsTwin} from './tls-twin.ts';
import type {ProcessView, Segment} from './types.ts';

/** `twin`: certificates are judged, nothing is encrypted. `real`: OpenSSL does both. */
export type SimTls = 'twin' | 'real';

export interface LinkConditions {
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Probability that a segment has to be sent again, which takes another `retransmitMs`, twice as long each time. */
  readonly loss: number;
  /** Probability that a segment arrives in two pieces. */
  readonly split: number;
  /** Probability that a segment arrives with one bit changed, unseen by TCP. TLS sees it and ends the connection. */
  readonly flip: number;
}

const calm: LinkConditions = {latencyMs: 0.3, jitterMs: 0.4, loss: 0, split: 0.05, flip: 0};
const retransmitMs = 200;
const retransmitsMax = 6;
const firstFreePort = 20_000;

interface ListenerEntry {
  readonly process: ProcessView;
  readonly onConnection: (stream: ByteStream) => void;
}

export class SimNetwork {
  readonly tls: SimTls;
  readonly twin = new TlsTwin();
  readonly contexts: TlsContexts | undefined;
  readonly #timeline: Timeline;
  readonly #random: SimRandom;
  readonly #listeners = new Map<string, ListenerEntry>();
  readonly #streams = new Set<SimStream>();
  /** `from>to` pairs through which nothing passes. */
  readonly #cut = new Set<string>();
  /** By host, or `from>to` for one direction. */
  readonly #conditions = new Map<string, LinkConditions>();
  /** Hosts without power: what is sent to them is lost; afterwards they answer that they know nothing of the connection. */
  readonly #dark = new Set<string>();
  #everywhere: LinkConditions = calm;
  #nextPort = firstFreePort;

  constructor(timeline: Timeline, options: {readonly random: SimRandom; readonly tls: SimTls}) {
    this.#timeline = timeline;
    this.#random = options.random;
    this.tls = options.tls;
    this.contexts = options.tls === 'real' ? new TlsContexts() : undefined;
  }

  /** Open connections, both ends counted. */
  get openStreams(): number {
    return this.#streams.size;
  }

  setConditions(conditions: Partial<LinkConditions>): void {
    this.#everywhere = {...calm, ...conditions};
  }

  /** For all that goes from or to one host. */
  setHostConditions(host: string, conditions: Partial<LinkConditions> | undefined): void {
    if (conditions === undefined) this.#conditions.delete(host);
    else this.#conditions.set(host, {...calm, ...conditions});
  }

  /** For what `from` sends to `to` only. */
  setDirection(from: string, to: string, conditions: Partial<LinkConditions> | undefined): void {
    this.setHostConditions(`${from}>${to}`, conditions);
  }

  /** Something on the way forgets all connections of a host: nothing passes on them any more, and nobody is told. */
  forgetConnectionsOf(host: string): number {
    const lost = [...this.#streams].filter((stream) => stream.process.hostName === host && !stream.isLost);
    for (const stream of lost) {
      stream.isLost = true;
      if (stream.peer !== undefined) stream.peer.isLost = true;
    }
    return lost.length;
  }

  /** A host without power does not answer. */
  setPower(host: string, isOn: boolean): void {
    if (isOn) this.#dark.delete(host);
    else this.#dark.add(host);
  }

  /** The most that waits to be sent on one connection. */
  get queuedBytesMax(): number {
    let most = 0;
    for (const stream of this.#streams) most = Math.max(most, stream.queuedBytes);
    return most;
  }

  /** Cuts what `from` sends to `to`; the way back is another cut. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(from: string, to: string): void {
    if (!this.#cut.delete(`${from}>${to}`)) return;
    for (const stream of this.#streams) {
      if (stream.process.hostName !== to || stream.peer?.process.hostName !== from) continue;
      for (const segment of stream.held.splice(0)) this.#carry(stream, segment);
    }
  }

  async connect(process: ProcessView, options: ConnectOptions): Promise<ByteStream> {
    const {host, port} = options;
    const clock = process.clock;
    const entry = this.#listeners.get(`${host}:${port}`);
    const way = this.#delayMs(process.hostName, host) * 2;
    const unreachable =
      this.#isCut(process.hostName, host) || this.#isCut(host, process.hostName) || this.#dark.has(host);
    await new Promise<void>((resolve, reject) => {
      const refuse = (code: 'ERR_NETWORK_CONNECT' | 'ERR_NETWORK_TIMEOUT', why: string) => (): void =>
        settle(() => reject(new NetworkError(code, `Cannot connect to ${host}:${port}: ${why}`)));
      const settle = (act: () => void): void => {
        timer.cancel();
        options.signal?.removeEventListener('abort', stop);
        act();
      };
      const stop = (): void => settle(() => reject(options.signal?.reason as Error));
      const isRefused = entry === undefined || !entry.process.isAlive;
      const timer = unreachable
        ? clock.setTimer(refuse('ERR_NETWORK_TIMEOUT', `no answer within ${options.timeoutMs} ms`), options.timeoutMs)
        : clock.setTimer(isRefused ? refuse('ERR_NETWORK_CONNECT', 'connection refused') : () => settle(resolve), way);
      options.signal?.addEventListener('abort', stop, {once: true});
    });
    if (entry === undefined || !entry.process.isAlive) {
      throw new NetworkError('ERR_NETWORK_CONNECT', `Cannot connect to ${host}:${port}: connection refused`);
    }
    const ours = new SimStream({process, network: this, remoteAddress: entry.process.address, remotePort: port});
    const theirs = new SimStream({
      process: entry.process,
      network: this,
      remoteAddress: process.address,
      remotePort: this.#nextPort++,
    });
    ours.peer = theirs;
    theirs.peer = ours;
    this.#streams.add(ours).add(theirs);
    entry.process.whenRunning(() => entry.onConnection(theirs));
    return ours;
  }

  async listen(
    process: ProcessView,
    options: {readonly listen: ListenOptions; readonly onConnection: (stream: ByteStream) => void},
  ): Promise<Listener> {
    const port = options.listen.port === 0 ? this.#nextPort++ : options.listen.port;
    const key = `${process.hostName}:${port}`;
    const holder = this.#listeners.get(key);
    if (holder?.process.isAlive === true) {
      throw new NetworkError('ERR_NETWORK_LISTEN', `Cannot listen on ${key}: the port is taken`);
    }
    const entry: ListenerEntry = {process, onConnection: options.onConnection};
    this.#listeners.set(key, entry);
    return {
      host: options.listen.host,
      port,
      close: async () => {
        if (this.#listeners.get(key) === entry) this.#listeners.delete(key);
      },
    };
  }

  /** Takes a segment from one end; it arrives at the other in order. */
  send(from: SimStream, segment: Segment): void {
    const to = from.peer;
    if (to === undefined || from.isLost) return;
    if (this.#isCut(from.process.hostName, to.process.hostName)) to.held.push(segment);
    else this.#carry(to, segment);
  }

  forget(stream: SimStream): void {
    // A stream whose reset or end has been handed over still delivers it: only the record of it goes.
    this.#streams.delete(stream);
  }

  /** The streams of a process that was killed: the kernel closes them, and the peers hear of it if the link works. */
  closeStreamsOf(process: ProcessView, options: {readonly silently: boolean}): void {
    for (const stream of this.#streams) {
      if (stream.process !== process) continue;
      if (options.silently) stream.isUnknown = true;
      else this.send(stream, {kind: 'reset'});
      stream.abandon();
    }
  }

  #carry(to: SimStream, segment: Segment): void {
    const from = to.peer;
    if (from === undefined) return;
    const delayMs = this.#delayMs(from.process.hostName, to.process.hostName);
    const atMs = Math.max(this.#timeline.nowMs + delayMs, to.arrivesNotBeforeMs);
    to.arrivesNotBeforeMs = atMs;
    const hurt = this.#random.chance(this.#between(from.process.hostName, to.process.hostName).flip);
    for (const piece of this.#pieces(hurt ? this.#flip(segment, to) : segment)) {
      this.#timeline.at(atMs, () => {
        if (to.isLost) return;
        if (to.isUnknown) this.#refuse(to);
        else to.process.whenRunning(() => to.arrived(piece));
      });
    }
  }

  /** The host has started again and knows nothing of the connection. */
  #refuse(to: SimStream): void {
    const from = to.peer;
    if (from === undefined || this.#dark.has(to.process.hostName)) return;
    const delayMs = this.#delayMs(to.process.hostName, from.process.hostName);
    this.#timeline.after(delayMs, () => from.process.whenRunning(() => from.arrived({kind: 'reset'})));
  }

  /** One bit changed. Under the TLS twin the connection ends, as it does when a record does not verify; real TLS finds it by itself. */
  #flip(segment: Segment, to: SimStream): Segment {
    if (this.tls === 'twin' && (segment.kind === 'hello' || (segment.kind === 'bytes' && to.isProtected)))
      return {kind: 'corrupt'};
    if (segment.kind !== 'bytes' || segment.data.length === 0) return segment;
    const data = Buffer.from(segment.data);
    const at = this.#random.integer(0, data.length - 1);
    data[at] = (data[at] ?? 0) ^ (1 << this.#random.integer(0, 7));
    return {kind: 'bytes', data};
  }

  #pieces(segment: Segment): readonly Segment[] {
    if (segment.kind !== 'bytes' || segment.data.length < 2 || !this.#random.chance(this.#everywhere.split))
      return [segment];
    const at = 1 + Math.floor(this.#random.float() * (segment.data.length - 1));
    return [
      {kind: 'bytes', data: segment.data.subarray(0, at)},
      {kind: 'bytes', data: segment.data.subarray(at)},
    ];
  }

  #between(from: string, to: string): LinkConditions {
    return (
      this.#conditions.get(`${from}>${to}`) ??
      this.#conditions.get(from) ??
      this.#conditions.get(to) ??
      this.#everywhere
    );
  }

  #delayMs(from: string, to: string): number {
    const conditions = this.#between(from, to);
    let delay = conditions.latencyMs + this.#random.float() * conditions.jitterMs;
    for (let count = 0; count < retransmitsMax && this.#random.chance(conditions.loss); count++)
      delay += retransmitMs * 2 ** count;
    return delay;
  }

  #isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }
}
