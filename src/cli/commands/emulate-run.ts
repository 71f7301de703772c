/** Runs emulated servers until it is told to stop; reports on standard output, logs on standard error. */
import type {Config} from '../../config/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {type ClosableLogger, createLogger, logDestinationOf, logLevelOf} from '../../lib/node-logger.ts';
import type {Platform, TimerHandle} from '../../lib/platform.ts';
import {createEmulator, type Emulator, type EmulatorReport} from '../../server/index.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {loadServerConfig, untilAborted, writePid} from './server-run-run.ts';

export async function runEmulate(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const config = await loadServerConfig(context, parsed);
  const logger = emulatorLogger({context, parsed, config});
  const count = integer(parsed, 'count');
  if (count < 1) throw new CliError('ERR_CLI_VALUE', `--count is ${count}, expected at least 1`);
  const authority = await readAuthority(context.platform, {parsed, config});
  const addresses = strings(parsed, 'local-address');
  const collectives = strings(parsed, 'collective');
  const emulator = await createEmulator({
    config,
    platform: context.platform,
    logger,
    count,
    firstNumber: integer(parsed, 'first'),
    identity: String(parsed.flags['identity']),
    facts: (parsed.flags['fact'] ?? {}) as Readonly<Record<string, string>>,
    classes: strings(parsed, 'class'),
    startsPerSecond: integer(parsed, 'rate'),
    signal: context.signal,
    ...(collectives.length === 0 ? {} : {collectives}),
    ...(addresses.length === 0 ? {} : {localAddresses: addresses}),
    ...(authority === undefined ? {} : {authority}),
  });
  await writePid(context, parsed.flags['pid']);
  try {
    const report = await emulator.start();
    context.stdout.write(reportLine(report, {json: parsed.flags['json'] === true, emulator}));
    const metrics = startMetrics(context, {emulator, everyMs: Number(parsed.flags['metrics'] ?? 0)});
    await untilAborted(context.signal);
    metrics?.cancel();
  } catch (error) {
    if (!context.signal.aborted) throw error;
    logger.info('Stopped before all servers were started');
  } finally {
    await emulator.stop();
  }
  return 0;
}

function emulatorLogger(options: {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly config: Config;
}): ClosableLogger {
  const {context, parsed, config} = options;
  const configured = logDestinationOf(config.get('logfile'));
  const destination = configured === 'stdout' ? 'stderr' : configured;
  // Thousands of servers say thousands of times the same: below warnings only when asked for.
  const level = parsed.flags['debug'] === true ? 'debug' : logLevelOf(config.get('loglevel'));
  return createLogger({
    destination,
    level: level === 'info' ? 'warn' : level,
    clock: context.platform.clock,
    startedAtMs: context.startedAtMs,
    ...(destination === 'stderr' ? {sink: context.stderr} : {}),
  });
}

function integer(parsed: ParsedArguments, name: string): number {
  const value = parsed.flags[name];
  return typeof value === 'number' ? value : Number(value ?? 0);
}

function strings(parsed: ParsedArguments, name: string): readonly string[] {
  const value = parsed.flags[name];
  return Array.isArray(value) ? value.map(String) : [];
}

const authorityFileBytesMax = 1024 * 1024;

async function readAuthority(
  platform: Platform,
  options: {readonly parsed: ParsedArguments; readonly config: Config},
): Promise<{readonly certificatePem: string; readonly keyPem: string} | undefined> {
  const {flags} = options.parsed;
  const key = flags['ca-key'];
  const certificate = flags['ca'] ?? options.config.get('plugin.security.file.ca');
  if (typeof key !== 'string') {
    if (flags['ca'] === undefined) return undefined;
    throw new CliError('ERR_CLI_VALUE', '--ca is given without --ca-key, expected both or only --ca-key');
  }
  if (typeof certificate !== 'string' || certificate === '') {
    throw new CliError('ERR_CLI_VALUE', '--ca-key is given without --ca, and the configuration names no CA file');
  }
  const read = async (path: string): Promise<string> => {
    try {
      return (await platform.files.read(path, {limitBytes: authorityFileBytesMax})).toString('utf8');
    } catch (cause) {
      throw new CliError('ERR_CLI_FAILED', `Cannot read "${path}": ${errorMessage(cause)}`, {cause});
    }
  };
  return {certificatePem: await read(certificate), keyPem: await read(key)};
}

function reportLine(report: EmulatorReport, options: {readonly json: boolean; readonly emulator: Emulator}): string {
  const seconds = report.startMilliseconds / 1000;
  if (options.json) return `${JSON.stringify({event: 'started', servers: report.servers, seconds, ...memory()})}\n`;
  const {rssMegabytes} = memory();
  return `Emulated ${report.servers} servers are running after ${seconds.toFixed(2)} s, in ${rssMegabytes} MB of memory\n`;
}

function memory(): {readonly rssMegabytes: number; readonly heapMegabytes: number} {
  const usage = process.memoryUsage();
  const megabytes = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;
  return {rssMegabytes: megabytes(usage.rss), heapMegabytes: megabytes(usage.heapUsed)};
}

function startMetrics(
  context: CliContext,
  options: {readonly emulator: Emulator; readonly everyMs: number},
): TimerHandle | undefined {
  const {emulator, everyMs} = options;
  if (everyMs <= 0) return undefined;
  const {clock} = context.platform;
  let timer: TimerHandle;
  const write = (): void => {
    context.stdout.write(
      `${JSON.stringify({event: 'metrics', time: clock.nowMs(), ...emulator.totals(), ...memory()})}\n`,
    );
    timer = clock.setTimer(write, everyMs, {background: true});
  };
  timer = clock.setTimer(write, everyMs, {background: true});
  return {cancel: () => timer.cancel()};
}
