/** The study's own client: for requests that the command line does not offer, and for load beside other scenarios. */
import {type Client, createClient} from '../../client/index.ts';
import {loadConfig} from '../../config/index.ts';
import {
  connectSecurity,
  createSecurityProvider,
  openConnection,
  type Connection,
  securitySwitches,
} from '../../connect/index.ts';
import {silentLogger} from '../../lib/logger.ts';
import type {Platform} from '../../lib/platform.ts';
import {inboxPrefix} from '../../protocol/index.ts';
import {callerName, collective, type StudyFleet} from './fleet.ts';

/** The operator of the study, with the same rights as its commands. */
function operatorPlatform(fleet: StudyFleet): Platform {
  const {platform, plan} = fleet;
  return {
    ...platform,
    env: {
      ...platform.env,
      MCOLLECTIVE_CERTNAME: callerName,
      ...(plan.isTls ? {} : {INSECURE_DISABLE_TLS: 'true'}),
    },
  };
}

export async function openStudyClient(fleet: StudyFleet): Promise<Client> {
  const platform = operatorPlatform(fleet);
  const config = await loadConfig({platform, mode: 'user', path: fleet.clientConfig});
  return createClient({config, platform, logger: silentLogger});
}

/** A connection of the operator that may listen anywhere. */
export async function openStudyConnection(fleet: StudyFleet): Promise<Connection> {
  const platform = operatorPlatform(fleet);
  const logger = silentLogger;
  const config = await loadConfig({platform, mode: 'user', path: fleet.clientConfig});
  const provider = await createSecurityProvider(config, {platform, mode: 'client', logger});
  return openConnection({
    platform,
    logger,
    name: provider.callerId,
    servers: fleet.brokerPorts.map((port) => `nats://127.0.0.1:${port}`),
    ...connectSecurity(config, {provider, switches: securitySwitches({platform, mode: 'client', logger}), logger}),
    inboxPrefix: inboxPrefix(collective, provider.callerId),
    signal: fleet.signal,
  });
}

/** A connection that subscribes to everything and then reads nothing more, as a client does whose process hangs. */
export async function openSlowReader(
  fleet: StudyFleet,
  subject: string,
): Promise<{close(): void; isClosed(): boolean}> {
  const platform = operatorPlatform(fleet);
  const logger = silentLogger;
  const config = await loadConfig({platform, mode: 'user', path: fleet.clientConfig});
  const provider = await createSecurityProvider(config, {platform, mode: 'client', logger});
  const stream = await platform.network.connect({
    host: '127.0.0.1',
    port: fleet.brokerPorts[0] ?? 0,
    timeoutMs: slowReaderTimeoutMs,
  });
  let isClosed = false;
  const wait = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      let seen = '';
      stream.onClose = (error) => {
        isClosed = true;
        reject(error ?? new Error('the broker closed the connection of a slow reader'));
      };
      stream.onData = (chunk) => {
        seen = `${seen}${chunk.toString('latin1')}`.slice(-4096);
        if (seen.includes(text)) resolve();
      };
    });
  await wait('INFO ');
  if (fleet.plan.isTls) {
    await stream.startTlsClient({
      material: provider.tls,
      serverName: '127.0.0.1',
      verify: true,
      timeoutMs: slowReaderTimeoutMs,
    });
  }
  stream.write(Buffer.from('CONNECT {"verbose":false,"pedantic":false,"protocol":1,"lang":"study","name":"slow"}\r\n'));
  stream.write(Buffer.from(`SUB ${subject} 1\r\nPING\r\n`));
  await wait('PONG');
  stream.onClose = () => {
    isClosed = true;
  };
  stream.pause();
  return {close: () => stream.destroy(), isClosed: () => isClosed};
}

const slowReaderTimeoutMs = 10_000;
