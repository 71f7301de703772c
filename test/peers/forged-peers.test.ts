/** Who joins a cluster: brokers with its secret and a certificate of its authority, and nobody else. */
import {describe, expect, test} from 'vitest';
import {freePorts} from '../support/cluster.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';
import {pkiFile, startConfiguredBroker} from '../support/supervised.ts';
import {missingPeer, startNatsServer} from './nats-server.ts';

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');
const secret = 'only the brokers know';

/** How many others the broker has a route to. */
async function routesOf(monitoring: string): Promise<number> {
  const response = await fetch(`${monitoring}/routez`);
  const {routes = []} = (await response.json()) as {readonly routes?: readonly {readonly remote_id: string}[]};
  return new Set(routes.map((route) => route.remote_id)).size;
}

describe.skipIf(skip)('a peer of a cluster', () => {
  test.each([
    {
      what: 'with the secret and a certificate of the authority joins',
      change: {},
      routes: 1,
      says: /Route connection created/i,
    },
    {
      what: 'with another secret is refused',
      change: {'plugin.choria.network.peer_password': 'a guess'},
      routes: 0,
      says: /Authorization (?:Violation|Error)/i,
    },
  ])('fault 18: $what', async ({change, routes, says}) => {
    const [first = 0, second = 0] = await freePorts(2);
    const common = {
      'plugin.choria.network.peers': `nats://localhost:${first}, nats://localhost:${second}`,
      'plugin.choria.network.peer_password': secret,
    };
    const logger = createRecordingLogger();
    await using real = await startConfiguredBroker(
      {...common, identity: 'one.example.net', 'plugin.choria.network.peer_port': String(first)},
      {logger},
    );
    await using _forged = await startConfiguredBroker({
      ...common,
      identity: 'two.example.net',
      'plugin.choria.network.peer_port': String(second),
      ...change,
    });
    await expect.poll(() => logger.lines.some(({message}) => says.test(message)), {timeout: 20_000}).toBe(true);
    await expect.poll(() => routesOf(real.addresses.monitoring ?? ''), {timeout: 20_000}).toBe(routes);
  });

  test('fault 18: with the secret and a certificate of another authority is refused', async () => {
    const [first = 0, second = 0] = await freePorts(2);
    const logger = createRecordingLogger();
    await using real = await startConfiguredBroker(
      {
        identity: 'one.example.net',
        'plugin.choria.network.peers': `nats://localhost:${first}`,
        'plugin.choria.network.peer_port': String(first),
        'plugin.choria.network.peer_password': secret,
      },
      {logger},
    );
    await using _forged = await startNatsServer({
      config: `cluster {
        listen: "127.0.0.1:${second}"
        routes: ["nats://choria:${encodeURIComponent(secret)}@localhost:${first}"]
        tls { cert_file: "${pkiFile('foreign.pem')}", key_file: "${pkiFile('foreign.key')}", ca_file: "${pkiFile('ca.pem')}" }
      }`,
    });
    await expect
      .poll(() => logger.lines.some(({message}) => /TLS route handshake error/i.test(message)), {timeout: 20_000})
      .toBe(true);
    expect(await routesOf(real.addresses.monitoring ?? '')).toBe(0);
  });
});
