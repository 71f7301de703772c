/** Runs emulated servers until it is told to stop; reports on standard output, logs on standard error. */
import {join} from 'node:path';
import type {Config} from '../../config/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {type ClosableLogger, createLogger, logLevelOf} from '../../lib/node-logger.ts';
import {logDestinationOf} from '../../lib/logger.ts';
import type {HttpListener} from '../../lib/http-server.ts';
import type {Platform, TimerHandle} from '../../lib/platform.ts';
import {agentDdlJson} from '../../rpc/index.ts';
import {createEmulatedAgent, createEmulator, createServer, type Emulator} from '../../server/index.ts';
import {createEmulatorController} from '../emulate/controller.ts';
import {type EmulatorSample, prometheusText, statusDocument, sumSamples} from '../emulate/metrics.ts';
import {defaultChildMetricsMs, startProcesses} from '../emulate/processes.ts';
import {type EmulateSettings, readEmulateSettings} from '../emulate/settings.ts';
import {CliError} from '../errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {loadServerConfig, untilAborted, writePid} from './server-run-run.ts';

export async function runEmulate(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const settings = await readEmulateSettings(parsed, context.platform.files);
  const ddls = parsed.flags['write-ddls'];
  if (typeof ddls === 'string' && ddls !== '') return writeDdls(context, {settings, directory: ddls});
  const config = await loadServerConfig(context, parsed);
  const logger = emulatorLogger({context, parsed, config});
  if (parsed.flags['controller'] === true) return runController(context, {parsed, settings, config, logger});
  const signal = parsed.flags['attached'] === true ? untilInputEnds(context) : context.signal;
  const run = {context: {...context, signal}, parsed, settings, config, logger};
  return settings.processes > 1 || settings.isHugePages ? runProcesses(run) : runHere(run);
}

interface EmulateRun {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly settings: EmulateSettings;
  readonly config: Config;
  readonly logger: ClosableLogger;
}

async function runHere(run: EmulateRun): Promise<number> {
  const {context, parsed, settings, config, logger} = run;
  const {platform, signal} = context;
  const authority = await readAuthority(platform, {settings, config});
  const emulator = await createEmulator({
    config: settings.servers.length === 0 ? config : withServers(config, settings.servers),
    platform,
    logger,
    count: settings.count,
    firstNumber: settings.first,
    identity: settings.identity,
    facts: settings.facts,
    classes: settings.classes,
    agents: settings.agents.map(createEmulatedAgent),
    startsPerSecond: settings.rate,
    startsAtOnce: settings.startsAtOnce,
    isTls: settings.isTls,
    signal,
    ...(settings.collectives.length === 0 ? {} : {collectives: settings.collectives}),
    ...(settings.localAddresses.length === 0 ? {} : {localAddresses: settings.localAddresses}),
    ...(authority === undefined ? {} : {authority}),
  });
  await writePid(context, parsed.flags['pid']);
  const startedMs = platform.clock.monotonicMs();
  const sample = (): EmulatorSample => sampleOf(emulator, platform);
  const watchers = await startWatchers(run, sample);
  try {
    await emulator.start();
    report(run, {sample: sample(), seconds: (platform.clock.monotonicMs() - startedMs) / 1000});
    await untilAborted(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    logger.info('Stopped before all servers were started');
  } finally {
    await watchers.stop();
    await emulator.stop();
  }
  return 0;
}

async function runProcesses(run: EmulateRun): Promise<number> {
  const {context, parsed, settings} = run;
  const {platform, signal} = context;
  const every = Number(parsed.flags['metrics'] ?? 0);
  const startedMs = platform.clock.monotonicMs();
  const processes = await startProcesses(platform, {
    settings,
    configPath: String(parsed.flags['config']),
    metricsMs: every > 0 ? every : defaultChildMetricsMs,
  });
  await writePid(context, parsed.flags['pid']);
  const sample = (): EmulatorSample => sumSamples(processes.samples(), platform.host.pid);
  const watchers = await startWatchers(run, sample);
  try {
    await Promise.race([processes.started, processes.ended, untilAborted(signal)]);
    if (!signal.aborted) {
      report(run, {sample: sample(), seconds: (platform.clock.monotonicMs() - startedMs) / 1000});
      await Promise.race([untilAborted(signal), processes.ended]);
    }
  } finally {
    await watchers.stop();
    await processes.stop();
  }
  return 0;
}

/** The one server that is told by requests what to emulate. */
async function runController(
  context: CliContext,
  run: Pick<EmulateRun, 'parsed' | 'settings' | 'config' | 'logger'>,
): Promise<number> {
  const {parsed, settings, config, logger} = run;
  const {platform, signal} = context;
  const controller = createEmulatorController({
    platform,
    configPath: String(parsed.flags['config']),
    identity: config.get('identity'),
    authority: [
      ...(settings.ca === undefined ? [] : ['--ca', settings.ca]),
      ...(settings.caKey === undefined ? [] : ['--ca-key', settings.caKey]),
    ],
  });
  const server = await createServer({
    config,
    platform,
    logger,
    agents: [controller.agent],
    insecure: {tls: settings.isTls, verifyTls: true},
  });
  await writePid(context, parsed.flags['pid']);
  try {
    await server.start({signal});
    context.stdout.write(`The agent emulator runs on ${server.identity}\n`);
    await untilAborted(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await server.stop();
    await controller.stop();
  }
  return 0;
}

async function writeDdls(
  context: CliContext,
  options: {readonly settings: EmulateSettings; readonly directory: string},
): Promise<number> {
  const {files} = context.platform;
  const directory = join(options.directory, 'choria', 'agent');
  await files.makeDirectory(directory, {mode: 0o755, recursive: true});
  const {agent} = createEmulatorController({...context, configPath: '', identity: '', authority: []});
  for (const each of [agent, ...options.settings.agents.map(createEmulatedAgent)]) {
    const path = join(directory, `${each.metadata.name}.json`);
    await files.writeAtomic(path, `${agentDdlJson(each)}\n`, {mode: 0o644});
    context.stdout.write(`Wrote ${path}\n`);
  }
  return 0;
}

function withServers(config: Config, servers: readonly string[]): Config {
  return config.with({'plugin.choria.middleware_hosts': servers, 'plugin.choria.use_srv': false});
}

/** The process that started this one holds our standard input: when it is gone, also by kill -9, we go, too. */
function untilInputEnds(context: CliContext): AbortSignal {
  const controller = new AbortController();
  const end = (): void => controller.abort(new Error('standard input ended'));
  void context.stdin.readAll(1).then(end, end);
  return AbortSignal.any([context.signal, controller.signal]);
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

const authorityFileBytesMax = 1024 * 1024;

async function readAuthority(
  platform: Platform,
  options: {readonly settings: EmulateSettings; readonly config: Config},
): Promise<{readonly certificatePem: string; readonly keyPem: string} | undefined> {
  const {ca, caKey} = options.settings;
  if (caKey === undefined) {
    if (ca === undefined) return undefined;
    throw new CliError('ERR_CLI_VALUE', '--ca is given without --ca-key, expected both or only --ca-key');
  }
  const certificate = ca ?? options.config.get('plugin.security.file.ca');
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
  return {certificatePem: await read(certificate), keyPem: await read(caKey)};
}

function report(run: EmulateRun, what: {readonly sample: EmulatorSample; readonly seconds: number}): void {
  const {stdout} = run.context;
  const {servers, rssMegabytes, heapMegabytes} = what.sample;
  const seconds = Math.round(what.seconds * 100) / 100;
  if (run.parsed.flags['json'] === true) {
    stdout.write(`${JSON.stringify({event: 'started', servers, seconds, rssMegabytes, heapMegabytes})}\n`);
    return;
  }
  const {processes} = run.settings;
  const where = processes > 1 ? `${processes} processes with ` : '';
  stdout.write(
    `Emulated ${servers} servers are running after ${seconds.toFixed(2)} s, in ${where}${rssMegabytes} MB of memory\n`,
  );
}

function sampleOf(emulator: Emulator, platform: Platform): EmulatorSample {
  const usage = process.memoryUsage();
  const cpu = process.cpuUsage();
  const megabytes = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;
  return {
    ...emulator.totals(),
    rssMegabytes: megabytes(usage.rss),
    heapMegabytes: megabytes(usage.heapUsed),
    cpuSeconds: Math.round((cpu.user + cpu.system) / 1000) / 1000,
    pid: platform.host.pid,
  };
}

interface Watchers {
  stop(): Promise<void>;
}

/** The lines of `--metrics` and the port of `--monitor`. */
async function startWatchers(run: EmulateRun, sample: () => EmulatorSample): Promise<Watchers> {
  const {context, parsed, settings, config} = run;
  const timer = startMetrics(context, {sample, everyMs: Number(parsed.flags['metrics'] ?? 0)});
  let listener: HttpListener | undefined;
  if (settings.monitorPort > 0) {
    const facts = {name: settings.name === '' ? config.get('identity') : settings.name, isTls: settings.isTls};
    const json = {'content-type': 'application/json'};
    listener = await context.platform.httpServers.listen({
      host: '127.0.0.1',
      port: settings.monitorPort,
      handler: ({path}) => {
        if (path === '/metrics') {
          const headers = {'content-type': 'text/plain; version=0.0.4'};
          return {status: 200, headers, body: prometheusText(sample())};
        }
        if (path === '/debug/vars') return {status: 200, headers: json, body: statusDocument(sample(), facts)};
        return {status: 404, body: 'expected /metrics or /debug/vars\n'};
      },
    });
  }
  return {
    stop: async () => {
      timer?.cancel();
      await listener?.close();
    },
  };
}

function startMetrics(
  context: CliContext,
  options: {readonly sample: () => EmulatorSample; readonly everyMs: number},
): TimerHandle | undefined {
  const {sample, everyMs} = options;
  if (everyMs <= 0) return undefined;
  const {clock} = context.platform;
  let timer: TimerHandle;
  const write = (): void => {
    context.stdout.write(`${JSON.stringify({event: 'metrics', time: clock.nowMs(), ...sample()})}\n`);
    timer = clock.setTimer(write, everyMs, {background: true});
  };
  timer = clock.setTimer(write, everyMs, {background: true});
  return {cancel: () => timer.cancel()};
}
