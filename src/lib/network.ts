/**
 * Byte streams and listeners as the cores see them, so that the same code runs on TCP, TLS, WebSocket and in memory.
 */

/** TLS material in PEM text, already read. */
export interface TlsMaterial {
  readonly certificatePem?: string;
  readonly keyPem?: string;
  /** Roots to trust; the system's own are never used. */
  readonly caPem?: string;
  /** Certificate revocation lists, PEM. */
  readonly crlPem?: string;
  /** OpenSSL cipher list for TLS 1.2, such as `ECDHE-RSA-AES128-GCM-SHA256:...`. */
  readonly cipherList?: string;
  /** Such as `X25519:P-256`. */
  readonly curves?: string;
  /** Many materials of this process are equal but for the certificate: emulated nodes. */
  readonly isKeyShared?: boolean;
}

/** The peer's certificate after the handshake. */
export interface PeerCertificate {
  readonly commonName: string;
  readonly subjectAltNames: readonly string[];
  readonly validToMs: number;
  readonly fingerprint256: string;
  readonly pem: string;
  /** Of an RSA key; undefined for others. */
  readonly rsaBits?: number | undefined;
}

export interface TlsState {
  readonly version: string;
  readonly cipher: string;
  /** True when the peer gave a certificate that chains to our roots. */
  readonly peerVerified: boolean;
  readonly peerCertificate?: PeerCertificate | undefined;
  /** The keys came from an earlier connection: no certificate was shown again. */
  readonly isResumed?: boolean;
}

export interface ClientTls {
  readonly material: TlsMaterial;
  readonly serverName: string;
  readonly verify: boolean;
  /** Accept a server certificate without SAN when its CN is the server name. */
  readonly legacyNames?: boolean;
}

export interface ServerTls {
  readonly material: TlsMaterial;
  /** `none`: not asked for. `if-given`: verified when sent. `required`: refused without. */
  readonly clientCertificates: 'none' | 'if-given' | 'required';
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Local address to connect from, for emulators that run out of ports on one address. */
  readonly localAddress?: string;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Told when a connection could not be accepted, for example because no file descriptor was free. Listening goes on. */
  readonly onAcceptError?: (error: Error) => void;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * One connection. Data arrives through `onData` from the moment it is set; what came before waits.
 *
 * `write` queues and returns how many bytes are still queued; several writes in one turn are joined by the implementation.
 */
export interface ByteStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly tls: TlsState | undefined;
  onData: ((chunk: Buffer) => void) | undefined;
  /** Called once, with the cause when it was an error. */
  onClose: ((error: Error | undefined) => void) | undefined;
  /** Called when everything queued has been handed to the system. */
  onDrain: (() => void) | undefined;
  /** Bytes queued and not yet taken by the system. */
  readonly queuedBytes: number;
  /** All bytes ever given to `write`. Less `queuedBytes`, that is what the system has taken. */
  readonly writtenBytes: number;
  write(data: Uint8Array): number;
  /**
   * Hands what is queued to the system now instead of at the end of the turn, and returns the bytes it did not take.
   * The bytes given to `write` must not be changed before `queuedBytes` is 0.
   */
  flush(): number;
  /** Puts bytes that were already delivered back, to be delivered again first: for a look at the start of a stream. */
  unread(chunk: Buffer): void;
  /** Stops and resumes reading, for back pressure. */
  pause(): void;
  resume(): void;
  /** Turns a plain stream into TLS, as the NATS protocol does after INFO. Rejects when the handshake fails or times out. */
  startTlsClient(options: ClientTls & {readonly timeoutMs: number}): Promise<TlsState>;
  startTlsServer(options: ServerTls & {readonly timeoutMs: number}): Promise<TlsState>;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(error?: Error): void;
}
