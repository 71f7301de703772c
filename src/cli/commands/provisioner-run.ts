/** Runs the service that configures nodes, until it is told to stop (server.md 15). */
import {findUserConfig, loadConfig} from '../../config/index.ts';
import {ChoriaError, errorMessage} from '../../lib/errors.ts';
import {type ClosableLogger, createLogger, logLevelOf} from '../../lib/node-logger.ts';
import {logDestinationOf} from '../../lib/logger.ts';
import {
  createProvisioner,
  parseProvisionerSettings,
  type Provisioner,
  provisionerLimits,
  type ProvisionerSettings,
} from '../../provisioner/index.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {version} from '../version.ts';
import {untilAborted, writePid} from './server-run-run.ts';

export async function runProvisioner(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, signal} = context;
  const warnings: string[] = [];
  const settings = await loadSettings(context, parsed, warnings);
  const config = await loadChoriaConfig(context, parsed);
  const logger = openLogger(context, parsed, settings);
  for (const warning of [...warnings, ...config.warnings]) logger.warn(warning);
  try {
    await using provisioner = await createProvisioner({settings, config, platform, logger, version});
    const close = await serveMetrics(provisioner, {context, settings, logger});
    await writePid(context, parsed.flags['pid']);
    try {
      logger.info(`Choria Provisioner version ${version} starting with ${settings.workers} workers`);
      await provisioner.start({signal});
      // A process that holds less is copied faster for each helper that it starts.
      await context.releaseStartMemory?.();
      await untilAborted(signal);
      logger.info('Shutting down on interrupt');
    } finally {
      await close();
    }
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    if (!(error instanceof ChoriaError)) throw error;
    throw new CliError('ERR_CLI_FAILED', `Could not run the provisioner: ${errorMessage(error)}`, {cause: error});
  } finally {
    logger.close();
  }
}

async function loadSettings(
  context: CliContext,
  parsed: ParsedArguments,
  warnings: string[],
): Promise<ProvisionerSettings> {
  const {files, host} = context.platform;
  const path = parsed.flags['config'];
  if (typeof path !== 'string' || path === '') {
    throw new CliError('ERR_CLI_FAILED', 'provisioner run requires a configuration file: expected --config FILE');
  }
  try {
    const text = (await files.read(path, {limitBytes: provisionerLimits.configBytesMax})).toString('utf8');
    return parseProvisionerSettings(text, {cpuCount: host.cpuCount, warn: (warning) => warnings.push(warning)});
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `could not use the configuration file ${path}: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

async function loadChoriaConfig(context: CliContext, parsed: ParsedArguments): ReturnType<typeof loadConfig> {
  const {platform} = context;
  const given = parsed.flags['choria-config'];
  try {
    const path = typeof given === 'string' && given !== '' ? given : await findUserConfig(platform);
    return await loadConfig({platform, mode: 'system', path});
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `could not parse configuration: ${errorMessage(cause)}`, {cause});
  }
}

function openLogger(context: CliContext, parsed: ParsedArguments, settings: ProvisionerSettings): ClosableLogger {
  const destination = logDestinationOf(settings.logfile === '' ? 'stdout' : settings.logfile);
  return createLogger({
    destination,
    level: parsed.flags['debug'] === true ? 'debug' : logLevelOf(settings.loglevel),
    color: destination === 'stdout' && context.stdout.isTerminal,
    clock: context.platform.clock,
    startedAtMs: context.startedAtMs,
    ...(destination === 'stdout' ? {sink: context.stdout} : {}),
    ...(destination === 'stderr' ? {sink: context.stderr} : {}),
  });
}

/** What is served are numbers; it listens on all addresses, because those who collect them are elsewhere. */
async function serveMetrics(
  provisioner: Provisioner,
  options: {readonly context: CliContext; readonly settings: ProvisionerSettings; readonly logger: ClosableLogger},
): Promise<() => Promise<void>> {
  const {context, settings, logger} = options;
  if (settings.monitorPort === 0) return async () => undefined;
  const listener = await context.platform.httpServers.listen({
    host: '0.0.0.0',
    port: settings.monitorPort,
    handler: ({method, path}) =>
      method === 'GET' && path === '/metrics'
        ? {
            status: 200,
            headers: {'content-type': 'text/plain; version=0.0.4; charset=utf-8'},
            body: provisioner.metrics.render(),
          }
        : {status: 404, body: 'not found\n'},
    onError: (error) => logger.error(`Could not answer a request for metrics: ${errorMessage(error)}`),
  });
  logger.info(`Listening for requests for metrics on ${listener.host}:${listener.port}`);
  return () => listener.close();
}
