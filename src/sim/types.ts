/** What the parts of the simulated world see of each other. */
import type {Clock} from '../lib/platform.ts';
import type {TlsContexts} from './tls-real.ts';
import type {TlsTwin, Hello} from './tls-twin.ts';

/** What travels between the two ends of a connection. */
export type Segment =
  | {readonly kind: 'bytes'; readonly data: Buffer}
  | {readonly kind: 'hello'; readonly hello: Hello}
  /** What TLS could not verify. */
  | {readonly kind: 'corrupt'}
  | {readonly kind: 'fin'}
  | {readonly kind: 'reset'};

/** A process as network and streams see it. */
export interface ProcessView {
  readonly isAlive: boolean;
  readonly hostName: string;
  readonly address: string;
  readonly clock: Clock;
  wallMs(): number;
  /** Runs now, or after a pause, or never. */
  whenRunning(callback: () => void): void;
}

/** The network as one end of a connection sees it. */
export interface CarrierView<Stream> {
  readonly twin: TlsTwin;
  /** Present when TLS is real. */
  readonly contexts: TlsContexts | undefined;
  send(from: Stream, segment: Segment): void;
  forget(stream: Stream): void;
}
