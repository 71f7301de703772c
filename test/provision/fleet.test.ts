/**
 * From nothing to a fleet: servers without configuration, a provisioner with a real helper, a hostile node and a helper that fails.
 *
 * With more nodes: `PROVISION_NODES=1000 npm test -- test/provision`.
 */
import {expect, test} from 'vitest';
import {createClient} from '../../src/client/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {openConnection} from '../../src/connect/index.ts';
import {createUnsignedProvider} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {startTestBroker} from '../support/broker.ts';
import {hostileNode} from '../support/hostile-node.ts';
import {startTestProvisioner} from '../support/provisioner.ts';
import {createRecordingLogger} from '../support/recording-logger.ts';
import {createTokenMaker, createWaitingFleet, isConfigured} from '../support/waiting-fleet.ts';

const count = Number(process.env['PROVISION_NODES'] ?? 50);
const platform = createNodePlatform();

/** Waits for a condition, looking at it now and then; the test's own limit ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test(`${count} servers without configuration become a fleet, but for a hostile one and one whose helper fails`, {
  timeout: 30_000 + count * 400,
}, async () => {
  await using broker = await startTestBroker();
  const tokens = createTokenMaker();
  const token = tokens.make({chu: broker.url});
  await using fleet = createWaitingFleet({count, token});
  await fleet.start();
  await using evil = await hostileNode({
    platform,
    url: broker.url,
    identity: 'evil',
    victims: ['vm1', 'vm2'],
    token: createTokenMaker().make({chu: broker.url}),
  });
  const logger = createRecordingLogger();
  await using service = await startTestProvisioner({
    url: broker.url,
    logger,
    verifyPem: tokens.publicKeyPem,
    helper: `
        [ "$id" = vm7 ] && exit 3
        printf '{"configuration":{"identity":"%s.example.net","plugin.choria.server.provision":"0","plugin.choria.middleware_hosts":"${broker.url}","plugin.choria.use_srv":"0"}}' "$id"`,
  });
  const {metrics} = service.provisioner;
  const wanted = count - 1;
  await until(() => fleet.nodes.filter(isConfigured).length === wanted);
  await until(() => metrics.value('provision_errors') >= 2);

  expect(metrics.value('provisioned')).toBe(wanted);
  expect(fleet.nodes.filter((node) => node.starts !== 2).map((node) => node.name)).toEqual(['vm7']);
  expect(fleet.nodes.find((node) => node.name === 'vm7')?.config()).toBeUndefined();
  expect(evil.configured).toBe(0);

  const connection = await openConnection({
    platform,
    name: 'operator',
    servers: [broker.url],
    inboxPrefix: 'mcollective.reply',
  });
  const client = createClient({
    config: await configFromEntries({identity: 'operator.example.net'}, {platform, mode: 'user'}),
    platform,
    connection,
    provider: createUnsignedProvider({certname: 'operator.mcollective'}),
  });
  const found = await client.discover({timeoutMs: 2_000, method: 'mc'});
  await client.close();
  await connection.close();
  expect([...found.identities].sort()).toEqual(
    fleet.nodes
      .filter((node) => node.name !== 'vm7')
      .map((node) => `${node.name}.example.net`)
      .sort(),
  );
});
