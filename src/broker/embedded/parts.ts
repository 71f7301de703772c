/** How the parts of the engine see each other: a connection as the fan-out sees it, a subject and a subscription as a connection sees them. */
import type {ByteStream, TlsMaterial} from '../../lib/network.ts';
import type {PublishFrame} from '../../natswire/index.ts';
import type {CloseReason} from './reasons.ts';
import type {TraceSink} from './trace-sink.ts';

export interface EngineTls {
  readonly material: TlsMaterial;
  readonly clientCertificates: 'none' | 'if-given' | 'required';
  /** `true`: TLS before INFO. `auto`: whichever the client begins with. Default: INFO first, as all NATS clients expect. */
  readonly handshakeFirst?: boolean | 'auto';
}

export interface RoutedSubject {
  /** One character for each byte. */
  readonly text: string;
  /** `MSG <subject> ` and `HMSG <subject> `. */
  readonly head: Buffer;
  readonly headWithHeaders: Buffer;
}

export interface SubscriptionState {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly sid: string;
  readonly isFiltered: boolean;
  readonly isClosed: boolean;
  readonly max: number;
  delivered: number;
}

export interface TracedDelivery {
  readonly subscription: SubscriptionState;
  readonly publisher: Receiver;
  readonly entry: RoutedSubject;
}

export interface Receiver {
  readonly id: number;
  readonly user: string;
  readonly stream: ByteStream;
  readonly nonce: string | undefined;
  readonly hasConnected: boolean;
  readonly isGone: boolean;
  readonly pendingBytes: number;
  readonly closeReason: CloseReason | undefined;
  /** Set when what it sent goes to somebody who is nearly full: it rests for a moment. */
  mustRest: boolean;
  violationCount: number;
  /** Positional on purpose: an object for each delivery would cost more than the delivery. */
  deliver(subscription: SubscriptionState, publisher: Receiver, entry: RoutedSubject, frame: PublishFrame): boolean;
  /** Says to a trace what becomes of the message here; false when it is not given to this receiver. */
  trace(trace: TraceSink, delivery: TracedDelivery): boolean;
  answerNoResponders(entry: RoutedSubject, frame: PublishFrame): void;
  /** A message of the broker itself, to this connection alone and only if it listens there. */
  answer(subject: string, payload: Buffer): void;
  cut(reason: CloseReason): void;
}
