/**
 * Messages as the program sees them, for both protocol versions. Wire names live only in the `...Wire` types beside the codecs.
 */
export type ProtocolVersion = 1 | 2;

export type FactOperator = '==' | '!=' | '=~' | '<' | '<=' | '>' | '>=';

export interface FactFilter {
  readonly fact: string;
  readonly operator: FactOperator;
  readonly value: string;
}

/** One entry of a compound filter: always one object with an `expr` on the wire; others are kept so that they can fail. */
export type CompoundEntry = readonly Readonly<Record<string, string>>[];

export interface Filter {
  readonly facts: readonly FactFilter[];
  readonly classes: readonly string[];
  readonly agents: readonly string[];
  readonly identities: readonly string[];
  readonly compounds: readonly CompoundEntry[];
}

export interface Request {
  readonly version: ProtocolVersion;
  /** 32 hex characters (v1) or a KSUID (v2). */
  readonly id: string;
  readonly senderId: string;
  /** After `openRequest`: the proven caller. */
  readonly callerId: string;
  readonly collective: string;
  readonly agent: string;
  readonly ttlSeconds: number;
  readonly sentAtMs: number;
  readonly filter: Filter;
  /** The agent's body, with the reference's base64 rule applied. */
  readonly body: Buffer;
}

export interface Reply {
  readonly version: ProtocolVersion;
  readonly requestId: string;
  readonly senderId: string;
  readonly agent: string;
  readonly sentAtMs: number;
  readonly body: Buffer;
  /** v2: true when the reply was signed by the sender it names. v1 replies are never signed. */
  readonly senderVerified: boolean;
}

/** One hop of the trace: where it came in, who handled it, where it went out. */
export type Hop = readonly string[];

export interface FederationHeader {
  readonly requestId: string;
  readonly replyTo?: string;
  readonly targets: readonly string[];
}

/** The outermost layer. Its fields are not signed: check before use. */
export interface Transport {
  readonly version: ProtocolVersion;
  /** Secure request or secure reply, exactly as received. */
  readonly payload: Buffer;
  readonly replyTo?: string;
  readonly senderId?: string;
  readonly trace: readonly Hop[];
  readonly federation?: FederationHeader;
}
