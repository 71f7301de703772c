/** Two servers and a client of ours over the real nats-server, with mutual TLS and signatures. */
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {configFromEntries} from '../../src/config/index.ts';
import {type Connection, connectSecurity, createSecurityProvider, openConnection} from '../../src/connect/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {broadcastSubject, openReply, openTransport, replySubject} from '../../src/protocol/index.ts';
import {createServer} from '../../src/server/index.ts';
import {newId, signedRequest} from '../support/test-server.ts';
import {missingPeer, startNatsServer} from './nats-server.ts';

const pki = (name: string): string => fileURLToPath(new URL(`../fixtures/pki/${name}`, import.meta.url));
const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');

const tlsConfig = `tls {
  cert_file: "${pki('broker.pem')}"
  key_file: "${pki('broker.key')}"
  ca_file: "${pki('ca.pem')}"
  verify: true
}`;

const platform = createNodePlatform();

function entriesFor(name: string, options: {readonly identity: string; readonly port: number}): Record<string, string> {
  return {
    identity: options.identity,
    'plugin.choria.middleware_hosts': `localhost:${options.port}`,
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': pki(`${name}.pem`),
    'plugin.security.file.key': pki(`${name}.key`),
    'plugin.security.file.ca': pki('ca.pem'),
    rpcauthorization: '0',
  };
}

async function startNode(name: string, port: number) {
  const config = await configFromEntries(entriesFor(name, {identity: `${name}.example.net`, port}), {
    platform,
    mode: 'server',
  });
  const server = await createServer({config, platform, memory: 'memory', facts: () => Promise.resolve({role: name})});
  await server.start();
  return server;
}

async function connectCaller(port: number): Promise<Connection> {
  const config = await configFromEntries(entriesFor('alice', {identity: 'alice.mcollective', port}), {
    platform: {...platform, env: {...platform.env, MCOLLECTIVE_CERTNAME: 'alice.mcollective'}},
    mode: 'user',
  });
  const provider = await createSecurityProvider(config, {
    platform: {...platform, env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'}},
    mode: 'client',
    logger: silentLogger,
  });
  const switches = {tls: true, verifyTls: true, verifyProvider: true, secureProtocol: true};
  return openConnection({
    platform,
    name: provider.callerId,
    servers: [`localhost:${port}`],
    ...connectSecurity(config, {provider, switches}),
    inboxPrefix: 'mcollective.reply',
    attemptsMax: 1,
  });
}

async function collect(connection: Connection, options: {readonly filter?: object; readonly count: number}) {
  const id = newId();
  const inbox = replySubject({collective: 'mcollective', callerId: 'choria=alice.mcollective', requestId: id});
  const replies: string[] = [];
  connection.subscribe(inbox, (message) => {
    const reply = openReply(openTransport(message.payload));
    replies.push(`${reply.senderId} ${reply.body.toString()}`);
  });
  const message = await signedRequest({
    id,
    agent: 'rpcutil',
    body: '{"agent":"rpcutil","action":"ping","data":{}}',
    replyTo: inbox,
    ...(options.filter === undefined ? {} : {filter: options.filter}),
  });
  connection.publish(broadcastSubject('mcollective', 'rpcutil'), message);
  await expect.poll(() => replies.length, {timeout: 10_000}).toBe(options.count);
  await connection.flush({timeoutMs: 2000});
  return replies;
}

describe.skipIf(skip)('the real nats-server', () => {
  test('carries a signed request to two servers and their answers back, over mutual TLS', async () => {
    await using broker = await startNatsServer({config: tlsConfig});
    await using _one = await startNode('node1', broker.port);
    await using _two = await startNode('node2', broker.port);
    await using caller = await connectCaller(broker.port);
    const replies = await collect(caller, {count: 2});
    expect(new Set(replies.map((reply) => reply.split(' ')[0]))).toEqual(
      new Set(['node1.example.net', 'node2.example.net']),
    );
    for (const reply of replies) expect(reply).toContain('"statuscode":0');
    const filtered = await collect(caller, {
      count: 1,
      filter: {facts: [{fact: 'role', operator: '==', value: 'node2'}]},
    });
    expect(filtered[0]).toContain('node2.example.net');
  });

  test('fault 53: a server and a client come back after the broker was killed', async () => {
    const first = await startNatsServer({config: tlsConfig});
    await using node = await startNode('node1', first.port);
    await using caller = await connectCaller(first.port);
    await first[Symbol.asyncDispose]();
    await expect.poll(() => [node.connection?.state, caller.state]).toEqual(['reconnecting', 'reconnecting']);
    await using _again = await startNatsServer({config: tlsConfig, port: first.port});
    await expect
      .poll(() => [node.connection?.state, caller.state], {timeout: 30_000})
      .toEqual(['connected', 'connected']);
    expect(await collect(caller, {count: 1})).toHaveLength(1);
  });

  test('fault 79: a client without a certificate is refused, and the error says so at once', async () => {
    await using broker = await startNatsServer({config: tlsConfig});
    const attempt = openConnection({
      platform,
      name: 'nobody',
      servers: [`localhost:${broker.port}`],
      tls: {material: {}, verify: false},
      inboxPrefix: '_INBOX',
      attemptsMax: 1,
    });
    await expect(attempt).rejects.toMatchObject({code: expect.stringMatching(/^ERR_CONNECT/) as string});
  });
});
