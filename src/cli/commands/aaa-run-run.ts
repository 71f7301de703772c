/** Runs the AAA service: HTTP, and the agent `aaa_signer` where the configuration asks for it. */
import {
  AaaError,
  type AaaService,
  type AaaSettings,
  createAaaService,
  createSignerAgent,
  createSignerHostProvider,
  parseSettings,
  signerAuthorizer,
} from '../../aaa/index.ts';
import {type Config, defaultConfig, loadConfig} from '../../config/index.ts';
import {
  type Connection,
  connectSecurity,
  createSecurityProvider,
  openConnection,
  securitySwitches,
  serverSource,
} from '../../connect/index.ts';
import type {SecurityProvider} from '../../crypto/types.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import {createLogger, logLevelOf} from '../../lib/node-logger.ts';
import {logDestinationOf} from '../../lib/logger.ts';
import {type ChoriaServer, createServer} from '../../server/index.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {untilAborted, writePid} from './server-run-run.ts';

const settingsBytesMax = 16 * 1_024 * 1_024;

export async function runAaa(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform} = context;
  const path = String(parsed.flags['config']);
  const settings = await readSettings(context, path);
  const {choriaConfig} = settings;
  const config =
    choriaConfig === ''
      ? await defaultConfig({platform, mode: 'server'})
      : await loadConfig({platform, mode: 'server', path: choriaConfig});
  const destination = logDestinationOf(settings.logfile);
  const logger = createLogger({
    destination,
    level: parsed.flags['debug'] === true ? 'debug' : logLevelOf(settings.loglevel || 'info'),
    color: destination === 'stdout' && context.stdout.isTerminal,
    clock: platform.clock,
    startedAtMs: context.startedAtMs,
    ...(destination === 'stdout' ? {sink: context.stdout} : {}),
    ...(destination === 'stderr' ? {sink: context.stderr} : {}),
  });
  for (const warning of settings.warnings) logger.warn(warning);
  await using parts = await startParts(settings, {context, config, logger});
  await writePid(context, parsed.flags['pid']);
  await untilAborted(context.signal);
  logger.info('Shutting down on interrupt');
  await parts.stop();
  return 0;
}

async function readSettings({platform}: CliContext, path: string): Promise<AaaSettings> {
  let text: Buffer;
  try {
    text = await platform.files.read(path, {limitBytes: settingsBytesMax});
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `Cannot read "${path}": ${errorMessage(cause)}`, {cause});
  }
  return parseSettings(text, path);
}

interface Running {
  readonly context: CliContext;
  readonly config: Config;
  readonly logger: Logger;
}

interface Parts extends AsyncDisposable {
  stop(): Promise<void>;
}

async function startParts(settings: AaaSettings, running: Running): Promise<Parts> {
  const {context, config, logger} = running;
  const {platform, signal} = context;
  let connection: Connection | undefined;
  let server: ChoriaServer | undefined;
  let service: AaaService | undefined;
  const stop = async (): Promise<void> => {
    await server?.stop({graceMs: 2_000});
    await service?.stop();
    await connection?.close();
    [server, service, connection] = [undefined, undefined, undefined];
  };
  try {
    const provider = settings.choriaConfig === '' ? undefined : await providerOf(config, running);
    if (settings.auditSubject !== undefined) {
      connection = await connectAudit(settings.auditSubject.servers, {running, provider});
    }
    service = await createAaaService({
      settings,
      platform,
      logger,
      ...(provider === undefined ? {} : {provider}),
      ...(connection === undefined ? {} : {auditConnection: connection}),
    });
    if (settings.signer?.isAgent === true) {
      if (provider === undefined) {
        throw new AaaError('ERR_AAA_CONFIG', 'Cannot host the agent aaa_signer: "choria_config" is not set');
      }
      server = await createServer({
        config,
        platform,
        logger,
        serviceHost: true,
        builtinAgents: false,
        agentProviders: [],
        agents: [createSignerAgent(service, logger)],
        provider: createSignerHostProvider(provider),
        authorizer: signerAuthorizer,
        component: 'aaa',
      });
    }
    // A host of the agent alone needs no port.
    if (settings.port !== 0 || server === undefined) await service.start();
    await server?.start({signal});
    return {stop, [Symbol.asyncDispose]: stop};
  } catch (error) {
    await stop();
    throw error;
  }
}

async function providerOf(config: Config, {context, logger}: Running): Promise<SecurityProvider> {
  return createSecurityProvider(config, {platform: context.platform, mode: 'server', logger});
}

/** The servers of the setting, else those of the Choria configuration. */
async function connectAudit(
  servers: string,
  {running, provider}: {readonly running: Running; readonly provider: SecurityProvider | undefined},
): Promise<Connection> {
  const {context, config, logger} = running;
  const {platform, signal} = context;
  if (provider === undefined) {
    throw new AaaError('ERR_AAA_CONFIG', 'Cannot audit to a subject: "choria_config" is not set');
  }
  const audited =
    servers === ''
      ? config
      : config.with({'plugin.choria.middleware_hosts': servers.split(',').map((server) => server.trim())});
  return openConnection({
    platform,
    logger,
    name: `${provider.certname} audit`,
    servers: serverSource(audited, {platform, logger}),
    ...connectSecurity(config, {provider, switches: securitySwitches({platform, mode: 'server', logger})}),
    inboxPrefix: `_INBOX.${provider.certname.replaceAll('.', '_')}`,
    connectTimeoutMs: config.get('plugin.choria.network.connect_timeout'),
    signal,
  });
}
