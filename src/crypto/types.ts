/**
 * What signs, what proves who signed, and what TLS is made of: one interface for every security provider.
 */
import type {TlsMaterial} from '../lib/network.ts';

/** x509 speaks protocol v1, ed25519+jwt speaks v2. */
export type SecurityTechnology = 'x509' | 'ed25519+jwt';

/** Proof that came with a request, exactly as received. */
export interface RequestProof {
  /** The signed bytes as they came; never re-serialised. */
  readonly message: Buffer;
  readonly signature: Buffer;
  /** v1: PEM of the caller's certificate (and intermediates). v2: the caller's token. */
  readonly credential: string;
  /** v2: the delegated signer's token. */
  readonly signerCredential?: string;
  /** The caller the message claims to be from, such as `choria=rip.mcollective`. */
  readonly claimedCaller: string;
  readonly nowMs: number;
}

/** Proof that came with a reply of v2. */
export interface ReplyProof {
  readonly message: Buffer;
  readonly signature: Buffer;
  /** The node's token. */
  readonly credential: string;
  /** The identity that the reply names. */
  readonly claimedSender: string;
  readonly nowMs: number;
}

/** Who really signed. `callerId` is what every later decision uses. */
export interface ProvenCaller {
  readonly callerId: string;
  /** Name of the certificate or token that signed: differs from the caller's for privileged and delegated signers. */
  readonly signedBy: string;
  /** When the proof itself ends (certificate or token), in ms since 1970. */
  readonly validUntilMs: number;
  /** Claims for policies, v2 only. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly signerClaims?: Readonly<Record<string, unknown>>;
}

/** What a signing service is asked: our token, and the proof that its holder made this request. */
export interface SigningQuestion {
  readonly token: string;
  /** The request's own JSON, the bytes that shall be signed. */
  readonly request: Buffer;
  /** ed25519 over the request, hex. */
  readonly signature: string;
}

/** Signs requests in place of this process (central authorisation); the token of a login says who asks. */
export interface RemoteSigner {
  /** Where it is, for messages. */
  readonly place: string;
  readonly token: string;
  /** When the token ends, in ms since 1970. */
  readonly expiresAtMs: number | undefined;
  /** @throws {ChoriaError} `ERR_SIGNER_TOKEN` when there is no token that could be shown */
  question(request: Buffer): SigningQuestion;
  /** For brokers that want the holder of a token to sign their nonce. */
  signNonce(nonce: Buffer): Promise<Buffer>;
  /** Gives the whole signed document. Absent: an agent on the network signs, asked by whoever has a connection. */
  ask?(question: SigningQuestion, options: {readonly signal?: AbortSignal | undefined}): Promise<Buffer>;
}

/** A token that is shown to brokers in the place of a certificate. */
export interface BrokerToken {
  readonly token: string;
  /** When it ends, in ms since 1970. */
  readonly expiresAtMs: number | undefined;
  signNonce(nonce: Buffer): Promise<Buffer>;
}

export interface SecurityProvider {
  /** `puppet`, `file`, `choria`, `pkcs11`, `certmanager`. */
  readonly name: string;
  readonly technology: SecurityTechnology;
  /** Certificate name or token name of this process. */
  readonly certname: string;
  /** Caller id this process sends, such as `choria=rip.mcollective` or `up=bob`. */
  readonly callerId: string;
  /** PEM or token sent along with what is signed. */
  readonly credential: string;
  readonly tls: TlsMaterial;
  /** Hash of what this provider trusts: providers with the same give the same verdict on the same proof, so it may be shared. */
  readonly trustId?: string | undefined;
  /** Absent where requests are signed here. */
  readonly remoteSigner?: RemoteSigner | undefined;
  /** Absent where brokers are shown the certificate, or the token that requests are signed with. */
  readonly brokerToken?: BrokerToken | undefined;
  /** True where nothing is signed: nodes that wait to be configured, and who configures them. */
  readonly isUnsigned?: boolean;
  /** When the token or certificate of this process ends, in ms since 1970; undefined when it does not or there is none. */
  readonly expiresAtMs?: number | undefined;
  /**
   * Reads the files again; true when something changed. Providers that were not made from files have none.
   *
   * Rejects when what is there now cannot be used; what was good stays in use.
   */
  refresh?(): Promise<boolean>;
  sign(message: Uint8Array): Promise<Buffer>;
  /**
   * @throws {CryptoError} `ERR_SIGNATURE_INVALID` | `ERR_CERTIFICATE_INVALID` | `ERR_CALLER_NOT_ALLOWED` | `ERR_TOKEN_INVALID`
   */
  verifyRequest(proof: RequestProof): ProvenCaller;
  /** Whether a reply was signed by the node it names; only providers of v2 can tell. */
  verifyReply?(proof: ReplyProof): boolean;
  /** What is wrong with the set-up, one text each; empty when it can be used. */
  validate(): Promise<readonly string[]>;
}
