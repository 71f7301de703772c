import {createHash} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {createBrokerAuthenticator, fleetAccountName} from '../../src/broker/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {startTestBroker, type TestBroker, testTlsMaterial} from '../support/broker.ts';
import {RawClient} from '../support/raw-client.ts';

const platform = createNodePlatform();
const hello = 'CONNECT {"verbose":false,"pedantic":false,"protocol":0,"headers":true}\r\nPING\r\n';

function startCertificateBroker(
  options: Partial<Parameters<typeof createBrokerAuthenticator>[0]> = {},
): Promise<TestBroker> {
  return startTestBroker({
    tls: true,
    accounts: [fleetAccountName],
    authenticator: createBrokerAuthenticator({clock: platform.clock, ...options}),
  });
}

async function joinSecurely(broker: TestBroker, name: string | undefined): Promise<RawClient> {
  const stream = await platform.network.connect({host: broker.host, port: broker.port, timeoutMs: 5000});
  await new Promise<void>((resolve) => {
    stream.onData = () => resolve();
  });
  const {caPem = '', ...own} = testTlsMaterial(name ?? 'node1');
  await stream.startTlsClient({
    material: name === undefined ? {caPem} : {...own, caPem},
    serverName: 'localhost',
    verify: true,
    timeoutMs: 5000,
  });
  const client = new RawClient(stream, platform);
  client.send(hello);
  await client.until((item) => item.received.length > 0 || item.isClosed);
  return client;
}

/** What the broker says to one operation. */
async function ask(client: RawClient, operation: string): Promise<string> {
  await client.read({length: 0, closed: false});
  client.send(`${operation}\r\nPING\r\n`);
  await client.until((item) => item.received.endsWith('PONG\r\n'));
  return (await client.read({length: 0, closed: false})).replace('PONG\r\n', '');
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

describe('a node’s certificate', () => {
  test.each([
    'SUB mcollective.> 1',
    'SUB > 1',
    'SUB mcollective.broadcast.agent.> 1',
    'SUB mcollective.broadcast.agent.* 1',
    'SUB *.broadcast.agent.rpcutil 1',
    'SUB mcollective.node.node2.example.net 1',
    'SUB mcollective.node.> 1',
    'SUB mcollective.node.*.example.net 1',
    'SUB mcollective.reply.> 1',
    `SUB mcollective.reply.${md5('choria=alice.mcollective')}.> 1`,
    'SUB _INBOX.> 1',
    'SUB choria.lifecycle.> 1',
    'SUB $SYS.> 1',
  ])('fault 11: may not %s', async (operation) => {
    await using broker = await startCertificateBroker();
    const node = await joinSecurely(broker, 'node1');
    expect(await ask(node, operation)).toContain('Permissions Violation for Subscription');
    node.close();
  });

  test.each([
    'mcollective.broadcast.agent.rpcutil',
    'mcollective.broadcast.service.aaa',
    'mcollective.node.node2.example.net',
    'mcollective.node.node1.example.net',
    'choria.federation.london.federation',
    'anything',
  ])('fault 11: may not publish to %s', async (subject) => {
    await using broker = await startCertificateBroker();
    const node = await joinSecurely(broker, 'node1');
    expect(await ask(node, `PUB ${subject} 1\r\na`)).toContain('Permissions Violation for Publish');
    node.close();
  });

  test.each([
    'SUB mcollective.node.node1.example.net 1',
    'SUB mcollective.broadcast.agent.rpcutil 1',
    'SUB mcollective.broadcast.service.aaa aaa 1',
    `SUB mcollective.reply.${md5('node1.example.net')}.x.* 1`,
    `PUB mcollective.reply.${md5('choria=alice.mcollective')}.17 1\r\na`,
    'PUB mcollective.broadcast.agent.registration 1\r\na',
    'PUB choria.lifecycle.event.startup.server 1\r\na',
    'PUB choria.machine.watcher.exec.state 1\r\na',
    'PUB mcollective.submission.in.x 1\r\na',
  ])('may %s', async (operation) => {
    await using broker = await startCertificateBroker();
    const node = await joinSecurely(broker, 'node1');
    expect(await ask(node, operation)).toBe('');
    node.close();
  });

  test('reaches what the setting for open certificates gives back', async () => {
    await using broker = await startCertificateBroker({isOpen: true});
    const node = await joinSecurely(broker, 'node1');
    expect(await ask(node, 'SUB mcollective.> 1')).toBe('');
    node.close();
  });

  test('counts as a client from a listed address, and as nothing when nodes are denied', async () => {
    await using listed = await startCertificateBroker({clientHosts: ['127.0.0.0/8', 'nonsense']});
    const client = await joinSecurely(listed, 'node1');
    expect(await ask(client, 'SUB mcollective.> 1')).toBe('');
    client.close();
    await using denying = await startCertificateBroker({isNodeDenied: true});
    const node = await joinSecurely(denying, 'node1');
    expect(await ask(node, 'SUB mcollective.broadcast.agent.rpcutil 1')).toContain('Permissions Violation');
    node.close();
  });
});

test('a caller’s certificate acts as a client', async () => {
  await using broker = await startCertificateBroker();
  const alice = await joinSecurely(broker, 'alice');
  expect(await ask(alice, 'SUB mcollective.reply.x.> 1')).toBe('');
  expect(await ask(alice, 'PUB mcollective.broadcast.agent.discovery 1\r\na')).toBe('');
  alice.close();
});

test('nothing without a certificate is admitted, and a foreign authority’s certificate ends the handshake', async () => {
  await using broker = await startCertificateBroker();
  const nobody = await joinSecurely(broker, undefined);
  await nobody.until((item) => item.isClosed);
  expect(nobody.received).toBe("-ERR 'Authorization Violation'\r\n");
  const stranger = await joinSecurely(broker, 'foreign');
  await stranger.until((item) => item.isClosed);
  expect(stranger.received).toBe('');
});

test('a certificate that has ended is refused', async () => {
  await using broker = await startCertificateBroker({clock: {nowMs: () => Date.UTC(2200, 0, 1)}});
  const alice = await joinSecurely(broker, 'alice');
  await alice.until((item) => item.isClosed);
  expect(alice.received).toBe("-ERR 'Authorization Violation'\r\n");
});
