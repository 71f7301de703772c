/** Runs one server until it is told to stop (server.md 1). */
import {type Config, loadConfig} from '../../config/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {type ClosableLogger, createLogger, logLevelOf} from '../../lib/node-logger.ts';
import {logDestinationOf} from '../../lib/logger.ts';
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
import {createHangupHandler} from './server-reload.ts';

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
  const hangup: {handler: () => void} = {handler: () => undefined};
  // From the first moment on: without a handler a hangup ends the process.
  const unhang = context.onHangup?.(() => hangup.handler());
  try {
    return await runAgainAndAgain(context, parsed, {upgrade, hangup});
  } finally {
    unhang?.();
  }
}

interface RunState {
  readonly upgrade: UpgradeState;
  /** What a hangup does now. */
  readonly hangup: {handler: () => void};
}

async function runAgainAndAgain(context: CliContext, parsed: ParsedArguments, state: RunState): Promise<number> {
  const {processes} = context.platform;
  for (let earlier: ServerStart | undefined; ; ) {
    const ran = await runReloaded(context, parsed, {...state, earlier});
    const {outcome} = ran;
    if (typeof outcome === 'number') return outcome;
    earlier = outcome === 'reload' ? ran.start : undefined;
    if (outcome === 'reload') continue;
    // A new process where the system can put one in the place of this; otherwise everything is made anew in this one.
    processes.replace?.();
    // Another program is not in this process: whoever watches over it starts it.
    if (outcome === 'upgraded') return restartedByOthers;
  }
}

/** A changed configuration with which the server cannot be made must not end it: the one before is used again. */
async function runReloaded(
  context: CliContext,
  parsed: ParsedArguments,
  state: RunState & {readonly earlier: ServerStart | undefined},
): Promise<Ran> {
  const {earlier} = state;
  if (earlier === undefined) return runOnce(context, parsed, {...state, start: await prepareStart(context, parsed)});
  try {
    return await runOnce(context, parsed, {...state, start: await prepareStart(context, parsed)});
  } catch (error) {
    if (context.signal.aborted) throw error;
    context.stderr.write(
      `Could not start with the changed configuration, the earlier one is used: ${errorMessage(error)}\n`,
    );
    return runOnce(context, parsed, {...state, start: earlier});
  }
}

interface Ran {
  readonly outcome: number | 'restart' | 'upgraded' | 'reload';
  readonly start: ServerStart;
}

/** An end that service managers take for a failure, after which they start the program again. */
const restartedByOthers = 1;

async function runOnce(
  context: CliContext,
  parsed: ParsedArguments,
  {start, upgrade, hangup}: RunState & {readonly start: ServerStart},
): Promise<Ran> {
  const {platform} = context;
  const {config, target, configPath, isProvisioning} = start;
  const logger = openServerLogger({context, parsed, config});
  for (const warning of [...config.warnings, ...start.notes]) logger.warn(warning);
  const asked = createRequested();
  hangup.handler = createHangupHandler({platform, config, configPath, logger, isProvisioning, reload: asked.reload});
  context.limitShutdown?.(graceMsOf(config) + stopSlackMs);
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
  // A configuration that names the wrong broker is changed while the server looks for it.
  const changed = new AbortController();
  void asked.promise.then(() => changed.abort());
  try {
    await server.start({signal: AbortSignal.any([context.signal, changed.signal])});
  } catch (error) {
    if (changed.signal.aborted) {
      logger.close();
      return {outcome: 'reload', start};
    }
    if (!context.signal.aborted) throw error;
    throw new CliError('ERR_CLI_FAILED', 'the server was stopped before it was connected to a broker', {cause: error});
  }
  if (upgrade.kind === 'new') await upgrade.confirm();
  await context.releaseStartMemory?.();
  const outcome = await Promise.race([untilAborted(context.signal), asked.promise]);
  const isEnd = outcome === undefined || outcome === 'shutdown';
  logger.info(isEnd ? `Shutting down on ${outcome === 'shutdown' ? 'request' : 'interrupt'}` : 'Restarting');
  hangup.handler = () => undefined;
  const code = await stopServer(server, {context, config, logger});
  logger.close();
  return {outcome: isEnd || code !== 0 ? code : outcome, start};
}

type Asked = 'restart' | 'upgraded' | 'shutdown' | 'reload';

/** What the agent `choria_provision` asks of this program. */
function createRequested(): {
  readonly promise: Promise<Asked>;
  readonly control: {readonly restart: (reason?: 'upgraded') => void; readonly shutdown: () => void};
  readonly reload: () => void;
} {
  let ask: (what: Asked) => void = () => undefined;
  const promise = new Promise<Asked>((resolve) => {
    ask = resolve;
  });
  return {
    promise,
    control: {restart: (reason) => ask(reason ?? 'restart'), shutdown: () => ask('shutdown')},
    reload: () => ask('reload'),
  };
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

/** How long running actions may go on when the server is told to stop. */
function graceMsOf(config: Config): number {
  return Math.max(0, config.get('soft_shutdown_timeout')) * 1000;
}

/** Beyond the time that running actions are given, everything else has to end in this. */
const stopSlackMs = 5000;

async function stopServer(
  server: ChoriaServer,
  options: {readonly context: CliContext; readonly config: Config; readonly logger: ClosableLogger},
): Promise<number> {
  const {context, config, logger} = options;
  const graceMs = graceMsOf(config);
  const limit = new Promise<'late'>((resolve) => {
    context.platform.clock.setTimer(() => resolve('late'), graceMs + stopSlackMs, {background: true});
  });
  const outcome = await Promise.race([server.stop({graceMs}), limit]);
  if (outcome !== 'late') return 0;
  logger.error(`Could not stop within ${graceMs + stopSlackMs} ms, giving up`);
  const paths = await (await import('../node-dumps.ts')).writeDumps();
  logger.error(`What it was doing is in ${paths.join(' and ')}`);
  return 1;
}
