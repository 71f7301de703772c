/**
 * What most commands need before they do anything: the user's configuration and a logger set up by it.
 *
 * Log lines of a client go to standard output, whatever `logfile` says but a path: that is where scripts look for them (cli.md 1.6).
 * Warnings about the configuration itself go to standard error, so that they never mix with data.
 */
import {type Config, defaultConfig, findUserConfig, loadConfig} from '../config/index.ts';
import {ChoriaError, errorMessage} from '../lib/errors.ts';
import {type ClosableLogger, createLogger, logLevelOf} from '../lib/node-logger.ts';
import {logDestinationOf, type LogLevel} from '../lib/logger.ts';
import {CliError} from './errors.ts';
import {writeLogLine} from './fatal.ts';
import {colours, type Paint} from './render/colour.ts';
import type {CliContext, ParsedArguments} from './types.ts';

export interface CommandSetup {
  readonly config: Config;
  readonly logger: ClosableLogger;
  /** Colours for standard output. */
  readonly paint: Paint;
}

export interface SetupOptions {
  /** The level when `--debug` is not given; absent: the configuration's. */
  readonly level?: LogLevel;
}

/** The file of `--config`, else the first of the usual places. */
export async function configPath(context: CliContext, parsed: ParsedArguments): Promise<string> {
  const given = parsed.flags['config'] ?? parsed.flags['choria-config'];
  return typeof given === 'string' && given !== '' ? given : findUserConfig(context.platform);
}

/**
 * @throws {CliError} `ERR_CLI_CONFIGURE`
 */
export async function loadCommandConfig(context: CliContext, parsed: ParsedArguments): Promise<Config> {
  const {platform} = context;
  const path = await configPath(context, parsed);
  try {
    const config = await loadConfig({platform, mode: 'user', path});
    return parsed.settings === undefined ? config : config.with(parsed.settings);
  } catch (error) {
    if (!(error instanceof ChoriaError)) throw error;
    const message = `could not parse configuration: ${errorMessage(error)}`;
    throw new CliError('ERR_CLI_CONFIGURE', message, {cause: error});
  }
}

/** As `loadCommandConfig`, with defaults where there is no file: for commands that work without one. */
export async function loadOptionalConfig(context: CliContext, parsed: ParsedArguments): Promise<Config> {
  try {
    return await loadCommandConfig(context, parsed);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return defaultConfig({platform: context.platform, mode: 'user'});
  }
}

function createCommandLogger(context: CliContext, config: Config, level: LogLevel): ClosableLogger {
  const destination = logDestinationOf(config.get('logfile'));
  return createLogger({
    destination: typeof destination === 'object' ? destination : 'stdout',
    level,
    color: context.stdout.isTerminal,
    clock: context.platform.clock,
    startedAtMs: context.startedAtMs,
    sink: context.stdout,
  });
}

/**
 * @example
 * const {config, logger, paint} = await openCommand(context, parsed);
 */
export async function openCommand(
  context: CliContext,
  parsed: ParsedArguments,
  options: SetupOptions = {},
): Promise<CommandSetup> {
  const config = await loadCommandConfig(context, parsed);
  const debug = parsed.flags['debug'] === true;
  const level = debug ? 'debug' : (options.level ?? logLevelOf(config.get('loglevel')));
  const logger = createCommandLogger(context, config, level);
  for (const message of config.warnings) writeLogLine(context, context.stderr, {level: 'warning', message});
  if (debug) logger.debug('Logging at debug level due to CLI override');
  const paint = colours({sink: context.stdout, env: context.platform.env, configured: config.get('color')});
  return {config, logger, paint};
}
