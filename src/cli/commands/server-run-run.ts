/** Runs one server until it is told to stop (server.md 1). */
import {type Config, loadConfig} from '../../config/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {type ClosableLogger, createLogger, logDestinationOf, logLevelOf} from '../../lib/node-logger.ts';
import {type ChoriaServer, createServer} from '../../server/index.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {version} from '../version.ts';

export async function runServer(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const config = await loadServerConfig(context, parsed);
  const logger = openServerLogger({context, parsed, config});
  for (const warning of config.warnings) logger.warn(warning);
  const {platform} = context;
  const server = await createServer({
    config,
    platform,
    logger,
    version,
    serviceHost: parsed.flags['service-host'] === true,
    insecure: {
      tls: parsed.flags['disable-tls'] !== true,
      verifyTls: parsed.flags['disable-ssl-verification'] !== true,
    },
  });
  await writePid(context, parsed.flags['pid']);
  try {
    await server.start({signal: context.signal});
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new CliError('ERR_CLI_FAILED', 'the server was stopped before it was connected to a broker', {cause: error});
  }
  await untilAborted(context.signal);
  logger.info('Shutting down on interrupt');
  return stopServer(server, {context, config, logger});
}

/**
 * The configuration file of `--config`.
 *
 * @throws {CliError} when none is named or it is not there
 */
export async function loadServerConfig(context: CliContext, parsed: ParsedArguments): Promise<Config> {
  const path = parsed.flags['config'];
  if (typeof path !== 'string' || path === '') {
    throw new CliError('ERR_CLI_FAILED', 'server run requires a configuration file');
  }
  const {platform} = context;
  try {
    return await loadConfig({platform, mode: 'server', path});
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new CliError('ERR_CLI_FAILED', `configuration file ${path} was not found and provisioning is disabled`, {
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

export function openServerLogger(options: {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly config: Config;
}): ClosableLogger {
  const {context, parsed, config} = options;
  const destination = logDestinationOf(config.get('logfile'));
  return createLogger({
    destination,
    level: parsed.flags['debug'] === true ? 'debug' : logLevelOf(config.get('loglevel')),
    color: destination === 'stdout' && context.stdout.isTerminal,
    clock: context.platform.clock,
    startedAtMs: context.startedAtMs,
    ...(destination === 'stdout' ? {sink: context.stdout} : {}),
    ...(destination === 'stderr' ? {sink: context.stderr} : {}),
  });
}

export async function writePid(context: CliContext, path: unknown): Promise<void> {
  if (typeof path !== 'string' || path === '') return;
  const {files, host} = context.platform;
  try {
    await files.writeAtomic(path, String(host.pid), {mode: 0o644});
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `Cannot write the process id to "${path}": ${errorMessage(cause)}`, {cause});
  }
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), {once: true}));
}

/** Beyond the time that running actions are given, everything else has to end in this. */
const stopSlackMs = 5000;

async function stopServer(
  server: ChoriaServer,
  options: {readonly context: CliContext; readonly config: Config; readonly logger: ClosableLogger},
): Promise<number> {
  const {context, config, logger} = options;
  const graceMs = Math.max(0, config.get('soft_shutdown_timeout')) * 1000;
  const limit = new Promise<'late'>((resolve) => {
    context.platform.clock.setTimer(() => resolve('late'), graceMs + stopSlackMs, {background: true});
  });
  const outcome = await Promise.race([server.stop({graceMs}), limit]);
  if (outcome !== 'late') return 0;
  logger.error(`Could not stop within ${graceMs + stopSlackMs} ms, giving up`);
  return 1;
}
