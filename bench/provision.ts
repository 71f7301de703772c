/**
 * Nodes brought from waiting to configured and started again, a minute: emulated servers, the real provisioner, a helper that is a real
 * program started once for each node. Broker, nodes and provisioner share one process here, so a fleet of machines does better.
 */
import {silentLogger} from '../src/lib/logger.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {startTestBroker} from '../test/support/broker.ts';
import {startTestProvisioner} from '../test/support/provisioner.ts';
import {createTokenMaker, createWaitingFleet, isConfigured} from '../test/support/waiting-fleet.ts';
import {benchRow, type BenchContext, type BenchRow} from './row.ts';

const nodes = 1_000;
const workers = 16;

export async function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const {clock} = createNodePlatform();
  await using broker = await startTestBroker();
  const tokens = createTokenMaker();
  // The restart's wait of two seconds is no work; it passes faster, so that the last nodes do not decide the figure.
  await using fleet = createWaitingFleet({count: nodes, token: tokens.make({chu: broker.url}), timeScale: 20});
  await fleet.start();
  context.say(`${nodes} nodes wait`);
  const startedMs = clock.monotonicMs();
  await using service = await startTestProvisioner({
    url: broker.url,
    logger: silentLogger,
    verifyPem: tokens.publicKeyPem,
    settings: {workers},
    helper: `printf '{"configuration":{"identity":"%s.example.net","plugin.choria.server.provision":"0","plugin.choria.middleware_hosts":"${broker.url}","plugin.choria.use_srv":"0"}}' "$id"`,
  });
  const isReady = (): boolean => fleet.nodes.every(isConfigured);
  while (!isReady()) await new Promise((resolve) => setTimeout(resolve, 20));
  const minutes = (clock.monotonicMs() - startedMs) / 60_000;
  const {metrics} = service.provisioner;
  context.say(`${metrics.value('provisioned')} provisioned, ${metrics.value('provision_errors')} failed`);
  return [
    benchRow('provision: nodes a minute, real helper', {
      unit: 'nodes/min',
      ours: Math.round(nodes / minutes),
      goal: {atLeast: 10_000},
      note: `${nodes} nodes, ${workers} workers, one helper process each; tokens verified, no certificates`,
    }),
  ];
}
