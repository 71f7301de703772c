/**
 * The way in where certificates and tokens count at once.
 *
 * nats-server asks everybody for a certificate or nobody. So here this process takes the connection, asks for a certificate and verifies it when one is
 * given, as the embedded engine does, and hands the bytes to the server over loopback. The nonce of the server's INFO names the connection: with it the auth
 * callout asks here what TLS has shown. The server puts the nonce into its question only when something was signed, so a CONNECT without a signature gets an
 * empty mark in its place.
 */
import {errorMessage} from '../../lib/errors.ts';
import {parseJson} from '../../lib/json.ts';
import type {Logger} from '../../lib/logger.ts';
import type {ByteStream, Listener, TlsMaterial, TlsState} from '../../lib/network.ts';
import type {Platform} from '../../lib/platform.ts';
import {encodeInfo} from '../../natswire/index.ts';
import {supervisedLimits} from './limits.ts';
import {membersOf} from './server-messages.ts';

/** What stands in CONNECT where nobody signed. */
export const unsignedMark = '-';

export interface DoorOptions {
  readonly platform: Pick<Platform, 'network'>;
  readonly logger: Logger;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** As it is now: it may be renewed. */
  readonly material: () => TlsMaterial;
  readonly tlsTimeoutMs: number;
  readonly pendingBytesMax: number;
  /** Where the server listens now. */
  readonly backend: () => {readonly host: string; readonly port: number};
}

/** What a connection through the door has shown. */
export interface DoorFacts {
  readonly tls: TlsState;
  readonly remoteAddress: string;
}

export class CertificateDoor {
  readonly #options: DoorOptions;
  readonly #facts = new Map<string, DoorFacts>();
  readonly #streams = new Set<ByteStream>();
  #listener: Listener | undefined = undefined;
  #isClosed = false;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#listener?.port ?? this.#options.port;
  }

  /** @throws {NetworkError} `ERR_NETWORK_LISTEN` */
  async open(): Promise<void> {
    const {platform, logger, host, port} = this.#options;
    this.#listener = await platform.network.listen(
      {
        host,
        port,
        onAcceptError: (error) => logger.error(`Could not accept a connection: ${error.message}`),
      },
      (stream) => {
        void this.#admit(stream);
      },
    );
  }

  /** By the nonce that the server gave; undefined for connections that did not come through here. */
  factsOf(nonce: string): DoorFacts | undefined {
    return this.#facts.get(nonce);
  }

  /** No further connections; those there are go on until the server ends them. */
  async close(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
  }

  /** Ends everything. */
  async destroy(): Promise<void> {
    this.#isClosed = true;
    await this.close();
    for (const stream of this.#streams) stream.destroy();
  }

  async #admit(client: ByteStream): Promise<void> {
    const {logger, platform, backend, material, tlsTimeoutMs} = this.#options;
    let server: ByteStream | undefined;
    let nonce = '';
    const forget = (): void => {
      this.#streams.delete(client);
      if (server !== undefined) this.#streams.delete(server);
      this.#facts.delete(nonce);
    };
    client.onClose = () => {
      forget();
      server?.end();
    };
    this.#streams.add(client);
    try {
      server = await platform.network.connect({...backend(), timeoutMs: supervisedLimits.linkTimeoutMs});
      this.#streams.add(server);
      const info = await firstLine(server, supervisedLimits.infoBytesMax);
      nonce = info.nonce;
      client.write(encodeInfo({...info.fields, tls_required: true, port: this.port, client_ip: client.remoteAddress}));
      client.flush();
      const tls = await client.startTlsServer({
        material: material(),
        clientCertificates: 'if-given',
        timeoutMs: tlsTimeoutMs,
      });
      if (this.#isClosed) throw new Error('the broker is stopping');
      this.#facts.set(nonce, {tls, remoteAddress: client.remoteAddress});
      join(client, server, this.#options.pendingBytesMax);
      server.onClose = () => {
        forget();
        client.end();
      };
    } catch (error) {
      if (!this.#isClosed) {
        logger.warn(`Could not take a connection: ${errorMessage(error)}`, {remote: client.remoteAddress});
      }
      forget();
      client.destroy();
      server?.destroy();
    }
  }
}

/** Reads the server's INFO and leaves what comes behind it to be read later. */
function firstLine(
  server: ByteStream,
  bytesMax: number,
): Promise<{readonly nonce: string; readonly fields: Readonly<Record<string, unknown>>}> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = (): void => {
      server.onData = undefined;
      server.onClose = undefined;
      server.pause();
    };
    server.onClose = (error) => reject(error ?? new Error('the server closed the connection'));
    server.onData = (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n');
      if (end === -1 && bytes.length <= bytesMax) return;
      settle();
      const line = bytes.subarray(0, end).toString('utf8');
      try {
        if (end === -1 || !line.startsWith('INFO ')) throw new Error('the server did not begin with INFO');
        const fields = membersOf(parseJson(Buffer.from(line.slice('INFO '.length))));
        const nonce = fields.get('nonce');
        if (typeof nonce !== 'string' || nonce === '') throw new Error('the server gave no nonce');
        const rest = bytes.subarray(end + 2);
        if (rest.length > 0) server.unread(rest);
        resolve({nonce, fields: Object.fromEntries(fields)});
      } catch (error) {
        reject(error instanceof Error ? error : new Error(errorMessage(error)));
      }
    };
  });
}

/** Both directions, each slowed by the other end. */
function join(client: ByteStream, server: ByteStream, pendingBytesMax: number): void {
  const pass = (from: ByteStream, to: ByteStream): ((chunk: Buffer) => void) => {
    to.onDrain = () => from.resume();
    return (chunk) => {
      if (to.write(chunk) > pendingBytesMax) from.pause();
    };
  };
  const toServer = pass(client, server);
  let head: Buffer | undefined = Buffer.alloc(0);
  client.onData = (chunk) => {
    if (head === undefined) {
      toServer(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const marked = markConnect(head);
    if (marked === undefined) return;
    head = undefined;
    toServer(marked);
  };
  server.onData = pass(server, client);
  server.resume();
}

/** Longer beginnings are none of CONNECT's: the server says what it thinks of them. */
const headBytesMax = 256;

/**
 * CONNECT with a mark in the place of a signature; undefined while too little of it is there.
 *
 * The mark comes first, so that a signature of the client's own, which comes later, wins.
 */
export function markConnect(head: Buffer): Buffer | undefined {
  const text = head.subarray(0, headBytesMax).toString('latin1');
  const match = /^\s*connect\s+\{\s*(\S)/i.exec(text);
  if (match === null) {
    const isBeginning =
      text.length < headBytesMax && /^\s*(?:c|co|con|conn|conne|connec|connect(?:\s+(?:\{\s*)?)?)?$/i.test(text);
    return isBeginning ? undefined : head;
  }
  const at = match[0].length - 1;
  const mark = `"sig":"${unsignedMark}"${match[1] === '}' ? '' : ','}`;
  return Buffer.concat([head.subarray(0, at), Buffer.from(mark, 'latin1'), head.subarray(at)]);
}
