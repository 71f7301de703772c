/** Runs one server until it is told to stop (server.md 1). */
import {type Config, loadConfig} from '../../config/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {type ClosableLogger, createLogger, logDestinationOf, logLevelOf} from '../../lib/node-logger.ts';
import {
  prepareServerStart,
  ProvisionError,
  type ServerStart,
  type UpgradeState,
  watchUpgrade,
} from '../../provision/index.ts';
import {type ChoriaServer, createServer} from '../../server/index.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {provisioningTokenFile} from './provisioning-token.ts';
import {version} from '../version.ts';

/** Runs until told to stop, over every restart that an agent asks for. */
export async function runServer(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {processes} = context.platform;
  const upgrade = await watchUpgrade(context.platform);
  if (upgrade.kind === 'undone') {
    const {version: failed, previous} = upgrade;
    context.stderr.write(`Version ${failed} did not start: version ${previous} is back in its place and starts now\n`);
    processes.replace?.();
    return restartedByOthers;
  }
  for (;;) {
    const outcome = await runOnce(context, parsed, upgrade);
    if (typeof outcome === 'number') return outcome;
    // A new process where the system can put one in the place of this; otherwise everything is made anew in this one.
    processes.replace?.();
    // Another program is not in this process: whoever watches over it starts it.
    if (outcome === 'upgraded') return restartedByOthers;
  }
}

/** An end that service managers take for a failure, after which they start the program again. */
const restartedByOthers = 1;

async function runOnce(
  context: CliContext,
  parsed: ParsedArguments,
  upgrade: UpgradeState,
): Promise<number | 'restart' | 'upgraded'> {
  const {platform} = context;
  const start = await prepareStart(context, parsed);
  const {config, target, configPath, isProvisioning} = start;
  const logger = openServerLogger({context, parsed, config});
  for (const warning of [...config.warnings, ...start.notes]) logger.warn(warning);
  const asked = createRequested();
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
    ...(target === undefined ? {} : {provisioning: {target, configPath, isProvisioning, ...asked.control}}),
  });
  await writePid(context, parsed.flags['pid']);
  try {
    await server.start({signal: context.signal});
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new CliError('ERR_CLI_FAILED', 'the server was stopped before it was connected to a broker', {cause: error});
  }
  if (upgrade.kind === 'new') await upgrade.confirm();
  const outcome = await Promise.race([untilAborted(context.signal), asked.promise]);
  logger.info(
    outcome === 'restart' || outcome === 'upgraded'
      ? 'Restarting'
      : `Shutting down on ${outcome === 'shutdown' ? 'request' : 'interrupt'}`,
  );
  const code = await stopServer(server, {context, config, logger});
  return (outcome === 'restart' || outcome === 'upgraded') && code === 0 ? outcome : code;
}

type Asked = 'restart' | 'upgraded' | 'shutdown';

/** What the agent `choria_provision` asks of this program. */
function createRequested(): {
  readonly promise: Promise<Asked>;
  readonly control: {readonly restart: (reason?: 'upgraded') => void; readonly shutdown: () => void};
} {
  let ask: (what: Asked) => void = () => undefined;
  const promise = new Promise<Asked>((resolve) => {
    ask = resolve;
  });
  return {promise, control: {restart: (reason) => ask(reason ?? 'restart'), shutdown: () => ask('shutdown')}};
}

async function prepareStart(context: CliContext, parsed: ParsedArguments): Promise<ServerStart> {
  const {platform} = context;
  const path = configPathOf(parsed);
  try {
    return await prepareServerStart({
      platform,
      path,
      tokenPath: provisioningTokenFile(platform),
    });
  } catch (error) {
    if (!(error instanceof ProvisionError)) throw error;
    throw new CliError('ERR_CLI_FAILED', error.message, {cause: error});
  }
}

function configPathOf(parsed: ParsedArguments): string {
  const path = parsed.flags['config'];
  if (typeof path === 'string' && path !== '') return path;
  throw new CliError('ERR_CLI_CONFIGURE', 'server run requires a configuration file');
}

/**
 * The configuration file of `--config`.
 *
 * @throws {CliError} when none is named or it is not there
 */
export async function loadServerConfig(context: CliContext, parsed: ParsedArguments): Promise<Config> {
  const path = configPathOf(parsed);
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
