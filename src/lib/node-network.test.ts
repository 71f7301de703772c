import {X509Certificate} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import type {ByteStream, ClientTls, ServerTls, TlsMaterial} from './network.ts';
import {createNodeNetwork} from './node-network.ts';
import type {Network} from './platform.ts';

const pki = fileURLToPath(new URL('../../test/fixtures/pki/', import.meta.url));

function material(name: string, caName = 'ca'): TlsMaterial {
  return {
    certificatePem: readFileSync(`${pki}${name}.pem`, 'utf8'),
    keyPem: readFileSync(`${pki}${name}.key`, 'utf8'),
    caPem: readFileSync(`${pki}${caName}.pem`, 'utf8'),
  };
}

/** Two ends of one real connection. */
function pair(network = createNodeNetwork()): Promise<{client: ByteStream; server: ByteStream}> {
  return pairOf(network, network);
}

async function pairOf(clients: Network, servers: Network): Promise<{client: ByteStream; server: ByteStream}> {
  let accept: (stream: ByteStream) => void = () => {};
  const accepted = new Promise<ByteStream>((resolve) => {
    accept = resolve;
  });
  const listener = await servers.listen({host: '127.0.0.1', port: 0}, (stream) => accept(stream));
  const client = await clients.connect({host: '127.0.0.1', port: listener.port, timeoutMs: 5000});
  const server = await accepted;
  await listener.close();
  return {client, server};
}

function collect(stream: ByteStream, untilBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.onClose = (error) => reject(error ?? new Error(`closed after ${size} bytes`));
    stream.onData = (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= untilBytes) resolve(Buffer.concat(chunks));
    };
  });
}

function closing(stream: ByteStream): Promise<Error | undefined> {
  return new Promise((resolve) => {
    stream.onClose = resolve;
    stream.onData = () => {};
  });
}

async function secure(
  client: Partial<ClientTls> & {readonly material: TlsMaterial},
  server: Partial<ServerTls> = {},
  network = createNodeNetwork(),
) {
  const streams = await pair(network);
  const serverSide = streams.server.startTlsServer({
    material: material('broker'),
    clientCertificates: 'if-given',
    ...server,
    timeoutMs: 5000,
  });
  const clientSide = streams.client.startTlsClient({
    serverName: 'localhost',
    verify: true,
    ...client,
    timeoutMs: 5000,
  });
  const [serverResult, clientResult] = await Promise.allSettled([serverSide, clientSide]);
  return {...streams, serverResult, clientResult};
}

describe('plain connections', () => {
  test('writes of one turn arrive in order and the queue drains', async () => {
    const {client, server} = await pair();
    const drained = new Promise<void>((resolve) => {
      client.onDrain = resolve;
    });
    expect(client.write(Buffer.from('one '))).toBe(4);
    expect(client.write(Buffer.from('two'))).toBe(7);
    expect((await collect(server, 7)).toString()).toBe('one two');
    await drained;
    expect(client.queuedBytes).toBe(0);
    client.destroy();
    server.destroy();
  });

  test('what came before a reader was set waits for it', async () => {
    const {client, server} = await pair();
    server.write(Buffer.from('INFO'));
    server.flush();
    expect((await collect(client, 4)).toString()).toBe('INFO');
    client.destroy();
    server.destroy();
  });

  test('a large write with back pressure arrives whole', async () => {
    const {client, server} = await pair();
    const data = Buffer.alloc(8_000_000, 7);
    client.write(data.subarray(0, 5_000_000));
    client.write(data.subarray(5_000_000));
    expect((await collect(server, data.length)).equals(data)).toBe(true);
    client.destroy();
    server.destroy();
  });

  test('bytes that are put back come again first', async () => {
    const {client, server} = await pair();
    client.write(Buffer.from('abc'));
    const first = await collect(server, 3);
    server.pause();
    server.unread(first);
    server.resume();
    expect((await collect(server, 3)).toString()).toBe('abc');
    client.destroy();
    server.destroy();
  });

  test('ending sends what is queued and the peer sees the closing without an error', async () => {
    const {client, server} = await pair();
    const closed = closing(client);
    let text = '';
    client.onData = (chunk) => {
      text += chunk.toString();
    };
    server.write(Buffer.from('bye'));
    server.end();
    expect(await closed).toBeUndefined();
    expect(text).toBe('bye');
  });

  test('nobody listening is an error that names the place', async () => {
    const network = createNodeNetwork();
    const listener = await network.listen({host: '127.0.0.1', port: 0}, (stream) => stream.destroy());
    await listener.close();
    await expect(network.connect({host: '127.0.0.1', port: listener.port, timeoutMs: 5000})).rejects.toMatchObject({
      code: 'ERR_NETWORK_CONNECT',
      message: `Cannot connect to 127.0.0.1:${listener.port}: connection refused, expected a listener there`,
    });
  });

  test('a taken port is an error that says so', async () => {
    const network = createNodeNetwork();
    const listener = await network.listen({host: '127.0.0.1', port: 0}, (stream) => stream.destroy());
    await expect(network.listen({host: '127.0.0.1', port: listener.port}, () => {})).rejects.toMatchObject({
      code: 'ERR_NETWORK_LISTEN',
    });
    await listener.close();
  });

  test('an aborted connect rejects with the reason', async () => {
    const reason = new Error('enough');
    const network = createNodeNetwork();
    await expect(
      network.connect({host: '127.0.0.1', port: 9, timeoutMs: 1000, signal: AbortSignal.abort(reason)}),
    ).rejects.toBe(reason);
  });
});

describe('TLS', () => {
  test('what is told of a certificate is what stands in it', async () => {
    const node = material('node1');
    const {client, server, serverResult} = await secure({material: node});
    const shown = new X509Certificate(node.certificatePem ?? '');
    expect(serverResult).toMatchObject({
      value: {
        peerCertificate: {
          pem: shown.toString(),
          fingerprint256: shown.fingerprint256,
          validToMs: Date.parse(shown.validTo),
          rsaBits: shown.publicKey.asymmetricKeyDetails?.modulusLength,
        },
      },
    });
    client.destroy();
    server.destroy();
  });

  test('both sides see the verified certificate of the other', async () => {
    const {client, server, serverResult, clientResult} = await secure({material: material('node1')});
    expect(serverResult).toMatchObject({
      value: {
        version: '1.3',
        peerVerified: true,
        peerCertificate: {commonName: 'node1.example.net', subjectAltNames: ['node1.example.net']},
      },
    });
    expect(clientResult).toMatchObject({value: {peerVerified: true, peerCertificate: {commonName: 'localhost'}}});
    client.write(Buffer.from('hello'));
    expect((await collect(server, 5)).toString()).toBe('hello');
    server.write(Buffer.from('there'));
    expect((await collect(client, 5)).toString()).toBe('there');
    client.destroy();
    server.destroy();
  });

  test('a client without a certificate is let in unverified, or refused when one is required', async () => {
    const caPem = material('broker').caPem ?? '';
    const open = await secure({material: {caPem}});
    expect(open.serverResult).toMatchObject({status: 'fulfilled', value: {peerVerified: false}});
    open.client.destroy();
    const closed = await secure({material: {caPem}}, {clientCertificates: 'required'});
    expect(closed.serverResult.status).toBe('rejected');
    closed.client.destroy();
  });

  test('a certificate of another authority with the same name is refused', async () => {
    const {client, serverResult} = await secure({
      material: {...material('foreign'), caPem: material('broker').caPem ?? ''},
    });
    expect(serverResult).toMatchObject({reason: {code: 'ERR_NETWORK_TLS_HANDSHAKE'}});
    client.destroy();
  });

  test('a server of another authority, or with another name, is refused by the client', async () => {
    const foreign = await secure({material: material('node1', 'foreign-ca')});
    expect(foreign.clientResult).toMatchObject({reason: {code: 'ERR_NETWORK_TLS_HANDSHAKE'}});
    const named = await secure({material: material('node1'), serverName: 'other.example.net'});
    expect(named.clientResult).toMatchObject({reason: {code: 'ERR_NETWORK_TLS_HANDSHAKE'}});
  });

  test('a server certificate with its name only in the CN is accepted only for legacy names', async () => {
    const server = {material: material('legacy')};
    const client = {material: material('node1'), serverName: 'legacy.example.net'};
    expect((await secure(client, server)).clientResult.status).toBe('rejected');
    const legacy = await secure({...client, legacyNames: true}, server);
    expect(legacy.clientResult.status).toBe('fulfilled');
    legacy.client.destroy();
  });

  /** One connection with a byte in each direction, which brings the client its tickets. */
  async function visit(network: Network, options: {readonly server?: Partial<ServerTls>} = {}) {
    const {client, server, serverResult, clientResult} = await secure({material: node}, options.server, network);
    server.write(Buffer.from('x'));
    await collect(client, 1);
    client.destroy();
    server.destroy();
    return {serverResult, clientResult};
  }
  const node = material('node1');

  test('a second connection resumes the session and the client certificate stays proven', async () => {
    const network = createNodeNetwork();
    for (const isResumed of [false, true]) {
      const {serverResult, clientResult} = await visit(network);
      expect(clientResult).toMatchObject({value: {isResumed, peerVerified: true}});
      expect(serverResult).toMatchObject({
        value: {isResumed, peerVerified: true, peerCertificate: {commonName: 'node1.example.net'}},
      });
    }
  });

  test('a listener that was started again with the same files resumes what its predecessor began', async () => {
    const clients = createNodeNetwork();
    const resumed: unknown[] = [];
    for (let start = 0; start < 2; start += 1) {
      const {client, server} = await pairOf(clients, createNodeNetwork());
      const [, state] = await Promise.all([
        server.startTlsServer({material: material('broker'), clientCertificates: 'required', timeoutMs: 5000}),
        client.startTlsClient({material: node, serverName: 'localhost', verify: true, timeoutMs: 5000}),
      ]);
      resumed.push(state.isResumed);
      server.write(Buffer.from('x'));
      await collect(client, 1);
      client.destroy();
      server.destroy();
    }
    expect(resumed).toEqual([false, true]);
  });

  test('a listener with another authority resumes nothing', async () => {
    const network = createNodeNetwork();
    await visit(network);
    const other = {
      ...material('broker'),
      caPem: `${material('broker').caPem ?? ''}${material('broker', 'ca').caPem ?? ''}`,
    };
    const {clientResult} = await visit(network, {server: {material: other}});
    expect(clientResult).toMatchObject({value: {isResumed: false}});
  });

  test('a peer that never shakes hands is cut in time', async () => {
    const {client, server} = await pair();
    await expect(
      server.startTlsServer({material: material('broker'), clientCertificates: 'none', timeoutMs: 20}),
    ).rejects.toMatchObject({code: 'ERR_NETWORK_TIMEOUT'});
    client.destroy();
  });

  test('plain bytes instead of a handshake end the connection', async () => {
    const {client, server} = await pair();
    client.write(Buffer.from('CONNECT {}\r\n'));
    await expect(
      server.startTlsServer({material: material('broker'), clientCertificates: 'none', timeoutMs: 5000}),
    ).rejects.toMatchObject({code: 'ERR_NETWORK_TLS_HANDSHAKE'});
    client.destroy();
  });

  test('material that does not fit together is an error before anything is sent', async () => {
    const {client, server} = await pair();
    const mixed = {...material('broker'), keyPem: material('node1').keyPem ?? ''};
    await expect(
      server.startTlsServer({material: mixed, clientCertificates: 'none', timeoutMs: 5000}),
    ).rejects.toMatchObject({code: 'ERR_NETWORK_TLS_MATERIAL'});
    client.destroy();
  });
});
