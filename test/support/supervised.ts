/** A broker of ours on the real nats-server, on free loopback ports. */
import {fileURLToPath} from 'node:url';
import {type RunningBroker, startBroker, SupervisedEngine} from '../../src/broker/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {type Logger, silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {findNatsServer} from '../peers/nats-server.ts';

export const pkiFile = (name: string): string => fileURLToPath(new URL(`../fixtures/pki/${name}`, import.meta.url));

export const brokerEntries: Readonly<Record<string, string>> = {
  identity: 'broker.example.net',
  'plugin.choria.broker_network': 'true',
  'plugin.choria.use_srv': 'false',
  'plugin.choria.network.listen_address': '127.0.0.1',
  'plugin.choria.network.client_port': '0',
  'plugin.security.provider': 'file',
  'plugin.security.file.certificate': pkiFile('broker.pem'),
  'plugin.security.file.key': pkiFile('broker.key'),
  'plugin.security.file.ca': pkiFile('ca.pem'),
};

/** @param entries  added to what every broker needs; the engine is nats-server unless they say otherwise */
export async function startConfiguredBroker(
  entries: Readonly<Record<string, string>> = {},
  options: {readonly logger?: Logger; readonly platform?: Platform} = {},
): Promise<RunningBroker> {
  const platform = options.platform ?? createNodePlatform();
  const config = await configFromEntries(
    {
      ...brokerEntries,
      'plugin.choria.network.engine': 'nats-server',
      'plugin.choria.network.nats_server': findNatsServer() ?? '',
      ...entries,
    },
    {platform, mode: 'server'},
  );
  return startBroker({config, platform, logger: options.logger ?? silentLogger});
}

export function supervisedEngine(broker: RunningBroker): SupervisedEngine {
  if (broker.engine instanceof SupervisedEngine) return broker.engine;
  throw new Error('this broker does not run nats-server');
}
