/**
 * TLS over `node:tls`: shared secure contexts, session resumption and the facts of a peer's certificate.
 *
 * A secure context costs hundreds of kilobytes and milliseconds, so there is one for each material, however many connections use it.
 * Edge file: touches the real TLS library.
 */
import {createHash, hkdfSync, X509Certificate} from 'node:crypto';
import {
  checkServerIdentity,
  createSecureContext,
  createServer,
  type PeerCertificate as NodePeerCertificate,
  type SecureContext,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import {errorMessage} from './errors.ts';
import type {ClientTls, PeerCertificate, ServerTls, TlsMaterial, TlsState} from './network.ts';
import {NetworkError} from './network-errors.ts';

/** Distinct TLS materials one process may hold; a broker reloading its certificates needs two, an emulator one for each identity in use. */
const contextsMax = 256;
/** Sessions remembered for resumption, one for each server and material, about 2 kB each: as many as one process can have connections. */
const sessionsMax = 20_000;
/**
 * How long a client may come back without showing its certificate again. A fleet stays connected for days, and a broker that is started again gets all of it
 * at once: a shorter time would help nobody. Who is admitted is decided at each connection all the same, from the certificate that was verified the first time.
 */
const resumableSeconds = 86_400;
/** Name, HMAC key and AES key of the tickets. */
const ticketKeyBytes = 48;
/** A server keeps its own clock on handshakes; this one only guards against a missing one. */
const handshakeTimeoutFallbackMs = 120_000;

/** Go's and OpenSSL's names of the same curves. */
const curveNames: Readonly<Record<string, string>> = {P256: 'P-256', P384: 'P-384', P521: 'P-521'};

interface PendingHandshake {
  readonly resolve: (socket: TLSSocket) => void;
  readonly reject: (error: Error) => void;
}

/** One acceptor for each material and policy: node's TLS server, fed with streams instead of listening. */
export interface TlsAcceptor {
  readonly server: TlsServer;
  readonly pending: Map<string, PendingHandshake>;
}

/** Everything shared by the connections of one network. */
export class TlsStore {
  readonly #contexts = new Map<string, SecureContext>();
  readonly #acceptors = new Map<string, TlsAcceptor>();
  readonly #sessions = new Map<string, Buffer>();
  readonly #keys = new WeakMap<TlsMaterial, string>();

  /** The name of a material: equal for equal content. */
  keyOf(material: TlsMaterial): string {
    const known = this.#keys.get(material);
    if (known !== undefined) return known;
    const parts = [
      material.certificatePem,
      material.keyPem,
      material.caPem,
      material.crlPem,
      material.cipherList,
      material.curves,
    ];
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64');
    this.#keys.set(material, key);
    return key;
  }

  /** For connections that are made at once: the next call may change what this one returned. */
  context(material: TlsMaterial): SecureContext {
    if (material.isKeyShared === true) return this.#familyContext(material);
    const key = this.keyOf(material);
    const known = this.#contexts.get(key);
    if (known) return known;
    const context = buildContext(material);
    remember(this.#contexts, key, {value: context, limit: contextsMax});
    return context;
  }

  /**
   * Materials that differ in the certificate alone take turns in one context: a connection takes over what the context holds when it begins. Thousands of contexts
   * would cost 35 kB and 3 ms each.
   */
  #familyContext(material: TlsMaterial): SecureContext {
    const {certificatePem, ...common} = material;
    const key = this.keyOf(common);
    const known = this.#contexts.get(key);
    if (known === undefined) {
      const context = buildContext(material);
      remember(this.#contexts, key, {value: context, limit: contextsMax});
      return context;
    }
    if (certificatePem !== undefined) changeCertificate(known, certificatePem);
    return known;
  }

  acceptor(options: ServerTls): TlsAcceptor {
    const key = `${options.clientCertificates} ${this.keyOf(options.material)}`;
    const known = this.#acceptors.get(key);
    if (known) return known;
    const acceptor = buildAcceptor(options);
    remember(this.#acceptors, key, {value: acceptor, limit: contextsMax});
    return acceptor;
  }

  session(key: string): Buffer | undefined {
    return this.#sessions.get(key);
  }

  rememberSession(key: string, session: Buffer): void {
    remember(this.#sessions, key, {value: session, limit: sessionsMax});
  }

  forgetSession(key: string): void {
    this.#sessions.delete(key);
  }
}

function remember<Value>(map: Map<string, Value>, key: string, entry: {readonly value: Value; readonly limit: number}) {
  map.delete(key);
  if (map.size >= entry.limit) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, entry.value);
}

/** For `createSecureContext` and for servers that make their own. */
export function contextOptions(material: TlsMaterial) {
  return {
    minVersion: 'TLSv1.2' as const,
    // An empty list, not an absent one: absent would mean the roots that Node ships.
    ca: material.caPem ?? [],
    ...(material.certificatePem === undefined ? {} : {cert: material.certificatePem}),
    ...(material.keyPem === undefined ? {} : {key: material.keyPem}),
    ...(material.crlPem === undefined ? {} : {crl: material.crlPem}),
    ...(material.cipherList === undefined ? {} : {ciphers: `${tls13Ciphers}:${material.cipherList}`}),
    ...(material.curves === undefined ? {} : {ecdhCurve: normaliseCurves(material.curves)}),
  };
}

/** Node drops TLS 1.3 when its suites are not in the list, so they stay whatever is configured for TLS 1.2. */
const tls13Ciphers = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

function normaliseCurves(curves: string): string {
  return curves
    .split(':')
    .map((name) => curveNames[name.trim()] ?? name.trim())
    .join(':');
}

function materialError(error: unknown): NetworkError {
  return new NetworkError(
    'ERR_NETWORK_TLS_MATERIAL',
    `Cannot set up TLS: ${errorMessage(error)}: expected a PEM certificate, its own private key, and authorities in PEM`,
    {cause: error},
  );
}

function buildContext(material: TlsMaterial): SecureContext {
  try {
    return createSecureContext(contextOptions(material));
  } catch (error) {
    throw materialError(error);
  }
}

function changeCertificate(context: SecureContext, certificatePem: string): void {
  (context.context as {setCert(pem: string): void}).setCert(certificatePem);
}

function buildAcceptor(options: ServerTls): TlsAcceptor {
  const pending = new Map<string, PendingHandshake>();
  const {material} = options;
  let server: TlsServer;
  try {
    server = createServer({
      ...contextOptions(material),
      requestCert: options.clientCertificates !== 'none',
      rejectUnauthorized: options.clientCertificates === 'required',
      // Resumed sessions carry the client's certificate; OpenSSL demands a context id for that.
      sessionIdContext: createHash('sha256').update(JSON.stringify(options)).digest('hex').slice(0, 32),
      handshakeTimeout: handshakeTimeoutFallbackMs,
      sessionTimeout: resumableSeconds,
      ...(material.keyPem === undefined ? {} : {ticketKeys: ticketKeys(options)}),
      highWaterMark: 65_536,
    });
  } catch (error) {
    throw materialError(error);
  }
  server.on('secureConnection', (socket) => {
    const waiting = pending.get(addressKey(socket));
    if (waiting) waiting.resolve(socket);
    else socket.destroy();
  });
  server.on('tlsClientError', (error, socket) => {
    pending.get(addressKey(socket))?.reject(error);
    socket.destroy();
  });
  return {server, pending};
}

/**
 * The keys of the tickets that clients resume with come from the private key and everything that decides whom it admits: after a restart, also after kill -9,
 * the fleet resumes, and after a change of certificates, authorities or revocation lists nobody does. TLS 1.3 makes new keys for each connection all the
 * same, so who learns the private key later can still read nothing that was recorded.
 */
function ticketKeys(options: ServerTls): Buffer {
  const secret = Buffer.from(JSON.stringify(options));
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'choria tls tickets 1', ticketKeyBytes));
}

/** Names one live TCP connection of this machine. */
export function addressKey(socket: {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): string {
  return `${socket.localAddress} ${socket.localPort} ${socket.remoteAddress} ${socket.remotePort}`;
}

/**
 * Checks the server's name against its certificate as Go did before SAN became compulsory when `legacyNames` is set:
 * a certificate without any SAN may carry the name in its CN.
 */
export function checkName(options: ClientTls, certificate: NodePeerCertificate): Error | undefined {
  const problem = checkServerIdentity(options.serverName, certificate);
  if (problem === undefined) {
    const hasNames = certificate.subjectaltname !== undefined && certificate.subjectaltname !== '';
    if (hasNames || options.legacyNames === true) return undefined;
    return new Error(`the certificate of "${options.serverName}" has its name only in the CN, expected a SAN`);
  }
  return problem;
}

/**
 * What a client knows of its server. The library has checked the chain and the name; the certificate is read only when somebody asks, because a process with
 * thousands of connections never does.
 */
export function describeTlsServer(socket: TLSSocket, verified: boolean): TlsState {
  return {
    version: (socket.getProtocol() ?? 'unknown').replace(/^TLSv/, ''),
    cipher: socket.getCipher()?.standardName ?? '',
    peerVerified: verified,
    isResumed: socket.isSessionReused(),
    get peerCertificate() {
      return peerCertificateOf(socket);
    },
  };
}

/** The facts of the peer, taken once after the handshake. `verified` is what the TLS library decided about the chain. */
export function describeTls(socket: TLSSocket, verified: boolean): TlsState {
  const peerCertificate = peerCertificateOf(socket);
  return {
    version: (socket.getProtocol() ?? 'unknown').replace(/^TLSv/, ''),
    cipher: socket.getCipher()?.standardName ?? '',
    peerVerified: verified && peerCertificate !== undefined,
    isResumed: socket.isSessionReused(),
    ...(peerCertificate === undefined ? {} : {peerCertificate}),
  };
}

/** Node's older form of a certificate: making the newer one costs a copy and three times as long for each connection, and keeps it. */
function peerCertificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate: Partial<NodePeerCertificate> | null = socket.getPeerCertificate();
  if (certificate?.raw === undefined) return undefined;
  const pem = pemOf(certificate.raw);
  const {subject, subjectaltname = '', valid_to: validTo = '', fingerprint256 = '', modulus, bits} = certificate;
  const known = {
    // Several CNs would let one certificate be read as different nodes: such a certificate has no name here.
    commonName: typeof subject?.CN === 'string' ? subject.CN : '',
    subjectAltNames: parseAltNames(subjectaltname),
    validToMs: Date.parse(validTo),
    fingerprint256,
    pem,
  };
  if (modulus !== undefined) return {...known, rsaBits: bits};
  return {
    ...known,
    // Other kinds of keys that have a modulus; read only by those who ask, because making a key object costs more than the rest.
    get rsaBits() {
      return new X509Certificate(pem).publicKey.asymmetricKeyDetails?.modulusLength;
    },
  };
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** DNS names out of `DNS:a, DNS:"b\u002c", IP Address:1.2.3.4`; a name that had to be quoted is no host name and is left out. */
function parseAltNames(text: string): string[] {
  const names: string[] = [];
  for (const part of text.split(', ')) {
    if (part.startsWith('DNS:') && !part.includes('"')) names.push(part.slice(4));
  }
  return names;
}
