/**
 * The programs of one study: brokers, emulators, clients, each started as an operator would start it, all with certificates and signatures.
 */
import {join} from 'node:path';
import type {Platform, RunningProcess} from '../../lib/platform.ts';
import {sleep} from '../../lib/platform.ts';
import {createOrganisation, memberFolder} from '../../organisation/index.ts';
import {type EmulatorSample, parseSample} from '../emulate/metrics.ts';
import {StudyError} from './errors.ts';
import {
  commandTimeoutMs,
  largeFleet,
  metricsIntervalMs,
  outputBytesMax,
  readyTimeoutMs,
  stopTimeoutMs,
} from './limits.ts';
import {readProcesses, treeOf} from './node-usage.ts';
import type {StudyPlan} from './plan.ts';

export const callerName = 'study.mcollective';
export const collective = 'mcollective';
const brokerName = 'broker.example.net';
const emulatorName = 'emulator.example.net';
const validityMs = 86_400_000;
const privateMode = 0o600;
const provisioningKeys = 'plugin.choria.network.provisioning.';

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly wallMs: number;
}

/** Processor time and memory of one part, at one moment. */
export interface PartUsage {
  readonly part: string;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

export interface EmulatorHandle {
  readonly servers: number;
  readonly sample: () => EmulatorSample | undefined;
  stop(): Promise<void>;
}

interface Program {
  readonly part: string;
  readonly args: readonly string[];
  readonly lines: string[];
  readonly waiting: Set<(line: string) => void>;
  running: RunningProcess;
}

export class StudyFleet {
  readonly plan: StudyPlan;
  readonly platform: Platform;
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly #programs: Program[] = [];
  readonly #brokers: Program[] = [];
  readonly #brokerPorts: number[] = [];
  #emulator: EmulatorHandle | undefined;

  constructor(
    plan: StudyPlan,
    options: {readonly platform: Platform; readonly directory: string; readonly signal: AbortSignal},
  ) {
    this.plan = plan;
    this.platform = options.platform;
    this.directory = options.directory;
    this.signal = options.signal;
  }

  get brokerPorts(): readonly number[] {
    return this.#brokerPorts;
  }

  get clientConfig(): string {
    return join(this.#home, memberFolder('user', callerName), 'client.conf');
  }

  /** Files of the operator, for connections of the study's own. */
  get operatorFolder(): string {
    return join(this.#home, memberFolder('user', callerName));
  }

  get emulator(): EmulatorHandle {
    if (this.#emulator === undefined) throw new Error('the fleet has not been started');
    return this.#emulator;
  }

  get #home(): string {
    return join(this.directory, 'fleet');
  }

  async startBrokers(): Promise<void> {
    const {platform, plan} = this;
    await createOrganisation(platform, {
      directory: this.#home,
      broker: {host: brokerName, port: 0, listenAddress: '127.0.0.1'},
      collectives: [collective],
      nodes: [{name: emulatorName}],
      operators: [callerName],
      validityMs,
    });
    this.#brokerPorts.push(...(await freePorts(platform, plan.brokers)));
    const peerPorts = plan.brokers > 1 ? await freePorts(platform, plan.brokers) : [];
    const base = join(this.#home, memberFolder('broker', brokerName), 'broker.conf');
    const secret = platform.random.bytes(16).toString('hex');
    for (let place = 0; place < plan.brokers; place++) {
      const path = join(this.directory, `broker-${place + 1}.conf`);
      await this.#rewrite(base, path, [
        ['identity', `broker${place + 1}.example.net`],
        ['plugin.choria.network.client_port', String(this.#brokerPorts[place])],
        ...(plan.engine === 'embedded'
          ? []
          : ([
              ['plugin.choria.network.engine', plan.engine],
              // It takes everybody at once, so on a small machine each of them takes long.
              ['plugin.choria.network.tls_timeout', '30s'],
              ['plugin.choria.network.auth_timeout', '30s'],
            ] as const)),
        ...(peerPorts.length === 0
          ? []
          : ([
              ['plugin.choria.network.peer_port', String(peerPorts[place])],
              ['plugin.choria.network.peers', peerPorts.map((port) => `nats://localhost:${port}`).join(', ')],
              ['plugin.choria.network.peer_password', secret],
            ] as const)),
      ]);
    }
    for (let place = 0; place < plan.brokers; place++) await this.#startBroker(place);
    const hosts = this.#brokerPorts.map((port) => `127.0.0.1:${port}`).join(',');
    await this.#rewrite(this.clientConfig, this.clientConfig, [
      ['plugin.choria.middleware_hosts', hosts],
      // A study waits for the last answer, however long it takes; not so long where a cluster may not say in time who listens.
      ['discovery_timeout', this.plan.brokers === 1 ? '60' : this.plan.servers > largeFleet ? '40' : '20'],
    ]);
    await this.writeEmulatorConfig('emulator.conf', []);
  }

  /** A configuration of emulated servers, with these lines besides. */
  async writeEmulatorConfig(name: string, extra: readonly string[]): Promise<string> {
    const folder = join(this.#home, memberFolder('node', emulatorName));
    const path = join(folder, name);
    const lines = [
      'logfile = stdout',
      'loglevel = error',
      'plugin.actionpolicy.enable_default = true',
      `plugin.choria.middleware_hosts = ${this.#brokerPorts.map((port) => `127.0.0.1:${port}`).join(',')}`,
      'plugin.choria.use_srv = false',
      `collectives = ${collective}`,
      ...(this.plan.engine === 'embedded' ? [] : ['plugin.choria.network.connect_timeout = 30s']),
      'plugin.security.provider = file',
      `plugin.security.file.certificate = ${join(folder, 'certificate.pem')}`,
      `plugin.security.file.key = ${join(folder, 'key.pem')}`,
      `plugin.security.file.ca = ${join(this.#home, 'authority', 'ca.pem')}`,
      ...extra,
    ];
    await this.platform.files.writeAtomic(path, `${lines.join('\n')}\n`, {mode: privateMode});
    return path;
  }

  /** The servers that the scenarios ask. */
  async startServers(args: readonly string[] = []): Promise<void> {
    const {servers, processes} = this.plan;
    this.#emulator = await this.startEmulator({
      part: 'emulators',
      config: join(this.#home, memberFolder('node', emulatorName), 'emulator.conf'),
      servers,
      processes,
      identity: 'node-{n:6}.example.net',
      args,
    });
  }

  async startEmulator(options: {
    readonly part: string;
    readonly config: string;
    readonly servers: number;
    readonly processes: number;
    readonly identity: string;
    readonly args?: readonly string[];
  }): Promise<EmulatorHandle> {
    let sample: EmulatorSample | undefined;
    const program = await this.#launch({
      part: options.part,
      args: [
        'emulate',
        '--config',
        options.config,
        '--count',
        String(options.servers),
        '--processes',
        String(options.processes),
        '--identity',
        options.identity,
        '--ca-key',
        join(this.#home, 'authority', 'ca.key'),
        '--metrics',
        `${metricsIntervalMs}ms`,
        ...(this.plan.isTls ? [] : ['--no-tls']),
        ...(this.plan.isHugePages === true ? ['--huge-pages'] : []),
        ...(options.args ?? []),
      ],
      onLine: (line) => {
        sample = parseSample(line) ?? sample;
      },
    });
    return {servers: options.servers, sample: () => sample, stop: () => this.#stop(program)};
  }

  /** Runs the client as an operator would. */
  async command(args: readonly string[]): Promise<CommandResult> {
    const {platform} = this;
    const startedMs = platform.clock.monotonicMs();
    const result = await platform.processes.run({
      command: platform.host.self.command,
      args: [...platform.host.self.args, ...args, '--config', this.clientConfig],
      env: {...this.#environment, MCOLLECTIVE_CERTNAME: callerName},
      cwd: this.directory,
      timeoutMs: commandTimeoutMs,
      outputBytesMax,
      signal: this.signal,
    });
    return {
      stdout: result.stdout.toString('utf8'),
      stderr: result.stderr.toString('utf8'),
      exitCode: result.exitCode,
      wallMs: platform.clock.monotonicMs() - startedMs,
    };
  }

  /** As a power cut would, all at once; they listen on the same ports again. */
  async killBrokers(): Promise<void> {
    const all = readProcesses();
    for (const broker of this.#brokers) {
      // Also the nats-server below it: losing only its supervisor would be another scenario.
      for (const {pid} of treeOf(all, broker.running.pid)) killHard(pid);
    }
    await Promise.all(this.#brokers.map((broker) => broker.running.exited));
  }

  async restartBrokers(): Promise<void> {
    this.#programs.splice(0, this.#programs.length, ...this.#programs.filter((item) => !this.#brokers.includes(item)));
    this.#brokers.length = 0;
    for (let place = 0; place < this.plan.brokers; place++) await this.#startBroker(place);
  }

  /** What each part has used since it was started; clients are all commands so far, and the study itself. */
  usage(): readonly PartUsage[] {
    const all = readProcesses();
    const parts = new Map<string, {cpuSeconds: number; rssBytes: number}>();
    const add = (part: string, cpuSeconds: number, rssBytes: number): void => {
      const known = parts.get(part) ?? {cpuSeconds: 0, rssBytes: 0};
      parts.set(part, {cpuSeconds: known.cpuSeconds + cpuSeconds, rssBytes: known.rssBytes + rssBytes});
    };
    for (const {part, running} of this.#programs) {
      for (const item of treeOf(all, running.pid)) add(part, item.cpuSeconds, item.rssBytes);
    }
    const own = all.get(this.platform.host.pid);
    if (own !== undefined) add('clients', own.endedChildrenSeconds + own.cpuSeconds, own.rssBytes);
    return [...parts].map(([part, usage]) => ({part, ...usage}));
  }

  async stop(): Promise<void> {
    for (const program of [...this.#programs].reverse()) await this.#stop(program);
  }

  get #environment(): Readonly<Record<string, string>> {
    return {
      PATH: this.platform.env['PATH'] ?? '',
      HOME: this.directory,
      USER: 'study',
      COLUMNS: '100',
      ...(this.plan.isTls ? {} : {INSECURE_DISABLE_TLS: 'true'}),
    };
  }

  async #startBroker(place: number): Promise<void> {
    const program = await this.#launch({
      part: `broker ${place + 1}`,
      args: [
        'broker',
        'run',
        '--config',
        join(this.directory, `broker-${place + 1}.conf`),
        ...(this.plan.isTls ? [] : ['--disable-tls']),
      ],
    });
    this.#brokers.push(program);
    await this.#waitForLine(program, /Listening for client connections on|Running nats-server/);
  }

  async #rewrite(from: string, to: string, entries: readonly (readonly [string, string])[]): Promise<void> {
    const {files} = this.platform;
    const text = (await files.read(from, {limitBytes: outputBytesMax})).toString('utf8');
    const names = new Set(entries.map(([name]) => name));
    // Nobody waits to be provisioned here, and a broker that admits such nodes takes every connection through a door of its own.
    const kept = text
      .split('\n')
      .filter((line) => !names.has(line.split('=')[0]?.trim() ?? '') && !line.startsWith(provisioningKeys));
    const added = entries.map(([name, value]) => `${name} = ${value}`);
    await files.writeAtomic(to, `${[...kept, ...added].join('\n')}\n`, {mode: privateMode});
  }

  async #launch(options: {
    readonly part: string;
    readonly args: readonly string[];
    readonly onLine?: (line: string) => void;
  }): Promise<Program> {
    const {platform} = this;
    const lines: string[] = [];
    const waiting = new Set<(line: string) => void>();
    const running = await platform.processes.start({
      command: platform.host.self.command,
      args: [...platform.host.self.args, ...options.args],
      env: this.#environment,
      cwd: this.directory,
      outputBytesMax: 65_536,
      onLine: (_stream, line) => {
        options.onLine?.(line);
        if (!line.startsWith('{"event":"metrics"')) lines.push(line.slice(0, 500));
        if (lines.length > 50) lines.shift();
        for (const look of waiting) look(line);
      },
    });
    const program: Program = {part: options.part, args: options.args, lines, waiting, running};
    this.#programs.push(program);
    return program;
  }

  #waitForLine(program: Program, pattern: RegExp): Promise<void> {
    const {clock} = this.platform;
    return new Promise((resolve, reject) => {
      const look = (line: string): void => {
        if (pattern.test(line)) finish(resolve);
      };
      const fail = (what: string): void =>
        finish(() =>
          reject(
            new StudyError(
              'ERR_STUDY_NOT_READY',
              `Cannot go on: ${program.part} ${what}; its last lines were:\n${program.lines.slice(-10).join('\n')}`,
            ),
          ),
        );
      const timer = clock.setTimer(() => fail('was not ready in time'), readyTimeoutMs);
      const finish = (act: () => void): void => {
        program.waiting.delete(look);
        timer.cancel();
        act();
      };
      program.waiting.add(look);
      void program.running.exited.then(() => fail('ended'));
      for (const line of program.lines) look(line);
    });
  }

  async #stop(program: Program): Promise<void> {
    const place = this.#programs.indexOf(program);
    if (place < 0) return;
    this.#programs.splice(place, 1);
    program.running.signal('SIGTERM');
    const ended = program.running.exited.then(() => true);
    const late = sleep(this.platform.clock, stopTimeoutMs).then(() => false);
    if (!(await Promise.race([ended, late]))) {
      program.running.signal('SIGKILL');
      await program.running.exited;
    }
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Its supervisor, or its own end, was faster.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Ports that were free a moment ago: the members of a cluster have to know each other's before they start, and clients theirs after a restart. */
async function freePorts(platform: Platform, count: number): Promise<readonly number[]> {
  const listeners = await Promise.all(
    Array.from({length: count}, () =>
      platform.network.listen({host: '127.0.0.1', port: 0}, (stream) => stream.destroy()),
    ),
  );
  const ports = listeners.map((listener) => listener.port);
  await Promise.all(listeners.map((listener) => listener.close()));
  return ports;
}
