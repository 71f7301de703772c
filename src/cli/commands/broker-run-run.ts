/** `choria broker run`: one broker in the foreground, until SIGINT or SIGTERM; SIGHUP makes it read its configuration again. */
import {type RunningBroker, startBroker} from '../../broker/index.ts';
import {type Config, loadConfig} from '../../config/index.ts';
import {ChoriaError, errorMessage} from '../../lib/errors.ts';
import {createLogger, logLevelOf} from '../../lib/node-logger.ts';
import {logDestinationOf, type Logger} from '../../lib/logger.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

/** Clients that can go elsewhere have done so by then; for a broker that is alone nobody should wait longer. */
const drainMsMax = 3000;

export async function runBrokerRun(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, signal} = context;
  const path = parsed.flags['config'];
  if (typeof path !== 'string' || path === '') {
    throw new CliError('ERR_CLI_CONFIGURE', 'configuration file required: expected --config FILE');
  }
  const config = await loadServerConfig(context, path);
  const logger = createLogger({
    destination: logDestinationOf(config.get('logfile')),
    level: parsed.flags['debug'] === true ? 'debug' : logLevelOf(config.get('loglevel')),
    color: context.stdout.isTerminal,
    clock: platform.clock,
    startedAtMs: context.startedAtMs,
    sink: context.stdout,
  });
  const pidFile = parsed.flags['pid'];
  if (typeof pidFile === 'string' && pidFile !== '') {
    await platform.files.writeAtomic(pidFile, String(platform.host.pid), {mode: 0o644});
  }
  const softMs = config.get('plugin.choria.network.soft_shutdown_timeout') * 1000;
  context.limitShutdown?.(softMs);
  try {
    const reloads = reloader((changed) => broker.reload(changed), {context, path, logger});
    const broker: RunningBroker = await startBroker({
      config,
      platform,
      logger,
      insecure: {
        tls: parsed.flags['disable-tls'] !== true,
        verifyTls: parsed.flags['disable-ssl-verification'] !== true,
      },
      onReloadAsked: async () => {
        const failure = await reloads.ask();
        if (failure !== undefined) throw failure;
      },
    });
    const unhang = context.onHangup?.(() => void reloads.ask());
    await aborted(signal);
    unhang?.();
    logger.info('Stopping the broker');
    // What is half taken over cannot be stopped cleanly.
    await reloads.settled();
    await broker.stop({graceMs: Math.min(softMs, drainMsMax)});
    return 0;
  } catch (error) {
    if (!(error instanceof ChoriaError)) throw error;
    throw new CliError('ERR_CLI_FAILED', `starting the network broker failed: ${errorMessage(error)}`, {cause: error});
  } finally {
    logger.close();
  }
}

/**
 * At SIGHUP, and when the system account asks: one reload after the other. Wishes that come while one waits are one. A configuration that cannot
 * be used changes nothing; it is told why.
 */
function reloader(
  take: (config: Config) => Promise<void>,
  {context, path, logger}: {readonly context: CliContext; readonly path: string; readonly logger: Logger},
): {readonly ask: () => Promise<ChoriaError | undefined>; readonly settled: () => Promise<unknown>} {
  let waiting: Promise<ChoriaError | undefined> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const reload = async (): Promise<ChoriaError | undefined> => {
    waiting = undefined;
    if (context.signal.aborted) return undefined;
    try {
      await take(await loadServerConfig(context, path));
      return undefined;
    } catch (error) {
      if (!(error instanceof ChoriaError)) throw error;
      logger.error(`Could not take the changed configuration over, the earlier one stays: ${errorMessage(error)}`);
      return error;
    }
  };
  return {
    ask: () => {
      if (waiting === undefined) {
        logger.info('Reading the configuration again');
        waiting = last.then(reload);
        last = waiting;
      }
      return waiting;
    },
    settled: () => last,
  };
}

async function loadServerConfig(context: CliContext, path: string) {
  try {
    return await loadConfig({platform: context.platform, mode: 'server', path});
  } catch (error) {
    if (!(error instanceof ChoriaError)) throw error;
    throw new CliError('ERR_CLI_CONFIGURE', `could not parse configuration: ${errorMessage(error)}`, {cause: error});
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), {once: true}));
}
