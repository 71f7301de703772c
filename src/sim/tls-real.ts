/**
 * Real TLS over a simulated connection: OpenSSL does handshake, encryption and proof of keys; the bytes travel over the simulated network.
 *
 * Certificates are judged by the twin, at simulated time: OpenSSL knows only the clock on the wall. What the handshake shows of the other
 * side is handed over to be judged.
 */
import {Duplex} from 'node:stream';
import {connect, createSecureContext, type SecureContext, TLSSocket} from 'node:tls';
import type {TlsMaterial} from '../lib/network.ts';

export interface RealTlsOptions {
  readonly material: TlsMaterial;
  /** Absent: this side is the client. */
  readonly server?: {readonly asksForCertificate: boolean};
  /** Takes what is to travel. */
  readonly send: (data: Buffer) => void;
  readonly onData: (data: Buffer) => void;
  /** The handshake is done; given the certificate of the other side in PEM. */
  readonly onSecure: (peerPem: string | undefined) => void;
  readonly onError: (error: Error) => void;
}

/** Contexts are dear; one for each material. */
export class TlsContexts {
  readonly #contexts = new Map<string, SecureContext>();

  of(material: TlsMaterial): SecureContext {
    const key = `${material.certificatePem ?? ''} ${material.keyPem ?? ''} ${material.caPem ?? ''}`;
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const context = createSecureContext({
      minVersion: 'TLSv1.3',
      ca: material.caPem ?? [],
      ...(material.keyPem === undefined ? {} : {cert: material.certificatePem, key: material.keyPem}),
    });
    this.#contexts.set(key, context);
    return context;
  }
}

export class RealTls {
  readonly #pipe: Duplex;
  readonly #socket: TLSSocket;

  constructor(contexts: TlsContexts, options: RealTlsOptions) {
    const {material, server, send, onData, onSecure, onError} = options;
    this.#pipe = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        send(chunk);
        done();
      },
    });
    const secureContext = contexts.of(material);
    const common = {secureContext, rejectUnauthorized: false};
    this.#socket =
      server === undefined
        ? connect({...common, socket: this.#pipe})
        : new TLSSocket(this.#pipe, {...common, isServer: true, requestCert: server.asksForCertificate});
    const secured = (): void => onSecure(this.#socket.getPeerX509Certificate()?.toString());
    this.#socket.once(server === undefined ? 'secureConnect' : 'secure', secured);
    this.#socket.on('data', onData);
    this.#socket.on('error', onError);
    this.#pipe.on('error', onError);
  }

  /** Bytes that came over the network. */
  feed(data: Buffer): void {
    this.#pipe.push(data);
  }

  write(data: Buffer): void {
    this.#socket.write(data);
  }

  close(): void {
    this.#socket.destroy();
    this.#pipe.destroy();
  }
}
