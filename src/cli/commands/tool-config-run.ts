/**
 * Shows the configuration in force: where it came from, whether its security can be used, which servers it leads to, and every setting
 * that matches a pattern. Layout: cli.md 3.7, config.md 7.
 */
import {
  type Config,
  type ConfigKey,
  configKeys,
  defaultConfig,
  displayValue,
  findUserConfig,
  loadConfig,
  standardConfigKeys,
} from '../../config/index.ts';
import {ChoriaError, errorMessage} from '../../lib/errors.ts';
import {compareBytes, goQuote} from '../../lib/go-text.ts';
import {createLogger, logLevelOf} from '../../lib/node-logger.ts';
import {logDestinationOf, type Logger} from '../../lib/logger.ts';
import {compileRegex, RegexError} from '../../lib/regex.ts';
import {CliError} from '../errors.ts';
import {colours, type Paint} from '../render/colour.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {connectivityLines} from './tool-config-servers.ts';
import {securityLines} from './tool-config-security.ts';
import {settingBox} from './tool-config-box.ts';
import {label, listLines} from './tool-config-lines.ts';

interface Loaded {
  readonly config: Config;
  /** False when defaults stand in for a file that could not be read; then no values are shown. */
  readonly fromFile: boolean;
}

export async function runToolConfig(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const pattern = stringOf(parsed.arguments['key']);
  const listOnly = parsed.flags['list'] === true;
  const loaded = await loadOrDefault(context, stringOf(parsed.flags['config']));
  const paint = colours({sink: context.stdout, env: context.platform.env, configured: loaded.config.get('color')});
  if (!listOnly) await writeSummary(context, {loaded, paint, hasPattern: pattern !== ''});
  if (pattern === '' && !listOnly) return 0;
  const keys = matchingKeys(pattern);
  if (keys.length === 0) {
    throw new CliError('ERR_CLI_FAILED', `no configuration keys declared matching ${goQuote(pattern)}`);
  }
  for (const key of keys) {
    const text = listOnly ? `${key}\n` : settingBox(key, {...loaded, paint, columns: columnsOf(context)});
    context.stdout.write(text);
  }
  return 0;
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

async function loadOrDefault(context: CliContext, givenPath: string): Promise<Loaded> {
  const {platform} = context;
  const path = givenPath === '' ? await findUserConfig(platform) : givenPath;
  try {
    return {config: await loadConfig({platform, mode: 'user', path}), fromFile: true};
  } catch (error) {
    if (!(error instanceof ChoriaError)) throw error;
    // This command describes settings also where nothing is configured yet; a file that was named and can't be read deserves a word.
    if (context.stderr.isTerminal && givenPath !== '') {
      context.stderr.write(`The configuration can't be read, defaults are shown: ${inertLine(errorMessage(error))}\n`);
    }
    const config = await defaultConfig({platform, mode: 'user'});
    return {config: config.with({'plugin.security.provider': 'file'}), fromFile: false};
  }
}

/** Settings of this program alone are found when no shared one matches: lists that scripts read stay as they are. */
function matchingKeys(pattern: string): readonly ConfigKey[] {
  try {
    const regex = compileRegex(pattern);
    const shared = standardConfigKeys.filter((key) => regex.test(key));
    return shared.length > 0 ? shared : configKeys.filter((key) => regex.test(key));
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    const {reason} = error.details;
    throw new CliError('ERR_CLI_FAILED', typeof reason === 'string' ? reason : error.message, {cause: error});
  }
}

/** Width of descriptions: `COLUMNS`, at most 100, else 70. */
function columnsOf(context: CliContext): number {
  const text = context.platform.env['COLUMNS'] ?? '';
  return /^[+-]?[0-9]+$/.test(text) ? Math.min(Number(text), 100) : 70;
}

/** Log lines of this command go where a person sees them, whatever `logfile` says; a path is the exception. */
function loggerOf(context: CliContext, config: Config): {readonly logger: Logger; readonly close: () => void} {
  const destination = logDestinationOf(config.get('logfile'));
  const logger = createLogger({
    destination: typeof destination === 'object' ? destination : 'stdout',
    level: logLevelOf(config.get('loglevel')),
    color: context.stdout.isTerminal,
    sink: context.stdout,
    clock: context.platform.clock,
    startedAtMs: context.startedAtMs,
  });
  return {logger, close: () => logger.close()};
}

async function writeSummary(
  context: CliContext,
  options: {readonly loaded: Loaded; readonly paint: Paint; readonly hasPattern: boolean},
): Promise<void> {
  const {config} = options.loaded;
  const {logger, close} = loggerOf(context, config);
  const write = (lines: readonly string[]): void => context.stdout.write(lines.map((line) => `${line}\n`).join(''));
  try {
    const security = await securityLines(config, {platform: context.platform, logger, paint: options.paint});
    write(introduction(options.hasPattern));
    write(['Configuration Files: ', '', label('User Config', await findUserConfig(context.platform))]);
    write([...listLines('Loaded Files', config.parsedFiles), '']);
    write(['Security Configuration: ', '', ...security, '']);
    write(['Connectivity:', '']);
    // A look-up that fails logs a line of its own between these.
    for await (const line of connectivityLines(config, {platform: context.platform, logger})) write([line]);
    write(['', ...loadedSettings(config), '']);
    writeWarnings(context, config);
  } finally {
    close();
  }
}

function introduction(hasPattern: boolean): readonly string[] {
  const always = [
    'This is the active Choria configuration as resolved from',
    'its configuration files and defaults.',
    '',
  ];
  if (hasPattern) return always;
  return [
    ...always,
    'Details about configuration items can be seen by passing an',
    'extra argument that will act as a search term against known',
    'configuration items.',
    '',
  ];
}

function loadedSettings(config: Config): readonly string[] {
  const entries = [...config.rawEntries()].sort(([a], [b]) => compareBytes(a, b));
  const width = Math.max(0, ...entries.map(([key]) => key.length)) + 2;
  return [
    'Loaded Configuration:',
    '',
    '  These settings were specifically loaded from configuration',
    '  files and do not include any defaults.',
    '',
    ...entries.map(([key, value]) => `${inertLine(key).padStart(width)}: ${inertLine(displayValue(key, value))}`),
  ];
}

/** For people only: scripts that read this output know nothing of warnings. */
function writeWarnings(context: CliContext, config: Config): void {
  if (!context.stderr.isTerminal || context.stdout.isTerminal) return;
  for (const warning of config.warnings) context.stderr.write(`${inertLine(warning)}\n`);
}
