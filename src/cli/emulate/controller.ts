/**
 * The agent `emulator`: starts and stops emulators and plain nats-servers on the machine of the node it runs on, so that a study can use many machines through
 * Choria itself.
 *
 * Actions, inputs and outputs are those of the reference's agent of this name, apart from `download`: emulator and node are the same program here, and an agent
 * that fetches programs from an address in a request and runs them is not something to have.
 */
import {join} from 'node:path';
import {findNatsServer} from '../../broker/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Platform, RunningProcess} from '../../lib/platform.ts';
import {sleep} from '../../lib/platform.ts';
import {ActionFailure, defineAction, defineAgent, type DefinedAgent} from '../../rpc/index.ts';
import {version} from '../version.ts';
import {agentsMax, childOutputBytesMax, collectivesMax, controlledMax, serversMax, statusBytesMax} from './limits.ts';

export interface ControllerOptions {
  readonly platform: Platform;
  /** Of the node; the emulators that it starts use it, too. */
  readonly configPath: string;
  readonly identity: string;
  /** `--ca` and `--ca-key`, handed on. */
  readonly authority: readonly string[];
}

export interface EmulatorController {
  readonly agent: DefinedAgent;
  /** Ends everything that was started here. */
  stop(): Promise<void>;
}

const timeoutSeconds = 60;
const statusTimeoutMs = 1_000;
const waitStepMs = 100;
/** How long an emulator may take until its monitor answers, and a program to end. */
const waitMs = 10_000;

const portRange = {min: 1, max: 65_535};

export function createEmulatorController(options: ControllerOptions): EmulatorController {
  const machine = new Machine(options);
  const agent = defineAgent({
    name: 'emulator',
    description: 'Starts and stops emulated servers on this machine',
    author: 'choria',
    license: 'Apache-2.0',
    version,
    url: 'https://choria.io',
    timeoutSeconds,
    actions: {
      start: defineAction({
        description: 'Starts an emulator',
        display: 'failed',
        inputs: {
          name: {
            type: 'string',
            description: 'Name of the emulator, part of the names of its servers',
            validation: '^[\\w\\-_]+$',
            maxLengthBytes: 16,
            optional: true,
          },
          instances: {type: 'integer', description: 'Servers to emulate', default: 1},
          agents: {type: 'integer', description: 'Emulated agents of each server', default: 1},
          collectives: {type: 'integer', description: 'Collectives of each server', default: 1},
          servers: {
            type: 'string',
            description: 'Comma separated list of brokers, host:port',
            validation: '.',
            maxLengthBytes: 256,
            optional: true,
          },
          credentials: {
            type: 'string',
            description: 'Base64 encoded NATS credentials',
            validation: '.',
            maxLengthBytes: 2048,
            optional: true,
          },
          monitor: {type: 'integer', description: 'Port for monitoring requests', default: 8080},
          tls: {type: 'boolean', description: 'Connect with TLS', default: false},
        },
        outputs: {status: {type: 'boolean', description: 'Whether the emulator started', displayAs: 'Started'}},
        run: async (input, {signal}) => ({status: await machine.start(input, signal)}),
      }),
      stop: defineAction({
        description: 'Stops the running emulator',
        display: 'failed',
        inputs: {port: {type: 'integer', description: 'Its port for monitoring requests', default: 8080}},
        outputs: {status: {type: 'boolean', description: 'Whether the emulator stopped', displayAs: 'Stopped'}},
        run: async ({port}, {signal}) => ({status: await machine.stopEmulator(port, signal)}),
      }),
      status: defineAction({
        description: 'Status of the running emulator',
        display: 'always',
        inputs: {port: {type: 'integer', description: 'Its port for monitoring requests', default: 8080}},
        outputs: {
          name: {type: 'string', description: 'Name of the emulator', displayAs: 'Name', default: 'unknown'},
          running: {type: 'boolean', description: 'Whether it runs', displayAs: 'Running', default: false},
          pid: {type: 'integer', description: 'Number of its process', displayAs: 'PID', default: -1},
          tls: {type: 'boolean', description: 'Whether it uses TLS', displayAs: 'TLS', default: false},
          memory: {type: 'integer', description: 'Memory in bytes', displayAs: 'Memory (B)', default: 0},
          emulator: {type: 'string', description: 'Version of the emulator', displayAs: 'Emulator', default: ''},
        },
        run: async ({port}) => ({emulator: version, ...(await machine.status(port))}),
      }),
      start_nats: defineAction({
        description: 'Starts a nats-server without any security',
        display: 'failed',
        inputs: {
          port: {type: 'integer', description: 'Port for clients', default: 4222},
          monitor_port: {type: 'integer', description: 'Port for monitoring requests', default: 8222},
          leafnode_servers: {
            type: 'string',
            description: 'Comma separated list of nats://host:port to be a leaf of',
            validation: '.',
            maxLengthBytes: 256,
            optional: true,
          },
          credentials: {
            type: 'string',
            description: 'Base64 encoded credentials for those',
            validation: '.',
            maxLengthBytes: 2048,
            optional: true,
          },
        },
        outputs: {running: {type: 'boolean', description: 'Whether it runs', displayAs: 'Started'}},
        run: async (input, {signal}) => ({running: await machine.startNats(input, signal)}),
      }),
      stop_nats: defineAction({
        description: 'Stops the nats-server that was started',
        display: 'failed',
        outputs: {stopped: {type: 'boolean', description: 'Whether it stopped', displayAs: 'Stopped'}},
        run: async () => ({stopped: await machine.stopNats()}),
      }),
    },
  });
  return {agent, stop: () => machine.stopAll()};
}

interface StartInput {
  readonly name?: string | undefined;
  readonly instances: number;
  readonly agents: number;
  readonly collectives: number;
  readonly servers?: string | undefined;
  readonly credentials?: string | undefined;
  readonly monitor: number;
  readonly tls: boolean;
}

interface NatsInput {
  readonly port: number;
  readonly monitor_port: number;
  readonly leafnode_servers?: string | undefined;
  readonly credentials?: string | undefined;
}

interface Status {
  readonly name?: string;
  readonly running: boolean;
  readonly pid?: number;
  readonly tls?: boolean;
  readonly memory?: number;
}

class Machine {
  readonly #options: ControllerOptions;
  readonly #emulators = new Map<number, RunningProcess>();
  #nats: {readonly running: RunningProcess; readonly directory: string} | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  async start(input: StartInput, signal: AbortSignal): Promise<boolean> {
    const {platform, configPath, identity, authority} = this.#options;
    const {name = identity, instances, agents, collectives, monitor, tls} = input;
    checkNumber('instances', instances, {min: 1, max: serversMax});
    checkNumber('agents', agents, {min: 0, max: agentsMax});
    checkNumber('collectives', collectives, {min: 1, max: collectivesMax});
    checkNumber('monitor', monitor, portRange);
    if (input.credentials !== undefined && input.credentials !== '') {
      throw new ActionFailure('Cannot use NATS credentials: expected security by certificates or tokens');
    }
    if ((await this.status(monitor)).running) throw new ActionFailure('Cannot start, emulator is already running');
    if (this.#emulators.size >= controlledMax) {
      throw new ActionFailure(`Cannot start, ${this.#emulators.size} emulators run here already`);
    }
    const {host} = platform;
    const servers = (input.servers ?? '')
      .split(',')
      .map((server) => server.trim())
      .filter((server) => server !== '');
    const running = await platform.processes.start({
      command: host.self.command,
      args: [
        ...host.self.args,
        'emulate',
        '--config',
        configPath,
        '--attached',
        '--json',
        '--monitor',
        String(monitor),
        '--name',
        name,
        '--identity',
        `{n}-${name}`,
        '--first',
        '1',
        '--count',
        String(instances),
        '--agent',
        String(agents),
        '--collective',
        String(collectives),
        ...servers.flatMap((server) => ['--server', server]),
        ...(tls ? authority : ['--no-tls']),
      ],
      env: environment(platform),
      cwd: host.workingDirectory,
      holdsInput: true,
      outputBytesMax: childOutputBytesMax,
    });
    this.#emulators.set(monitor, running);
    void running.exited.then(() => {
      if (this.#emulators.get(monitor) === running) this.#emulators.delete(monitor);
    });
    return this.#until(async () => (await this.status(monitor)).running, signal);
  }

  async stopEmulator(port: number, signal: AbortSignal): Promise<boolean> {
    checkNumber('port', port, portRange);
    const running = this.#emulators.get(port);
    if (running === undefined) return false;
    running.signal('SIGTERM');
    return this.#until(() => Promise.resolve(!this.#emulators.has(port)), signal);
  }

  /** By its port, as anybody would: an emulator that was started by hand is seen, too. */
  async status(port: number): Promise<Status> {
    checkNumber('port', port, portRange);
    try {
      const {status, body} = await this.#options.platform.http.request({
        url: `http://127.0.0.1:${port}/debug/vars`,
        timeoutMs: statusTimeoutMs,
        responseBytesMax: statusBytesMax,
      });
      return status === 200 ? readStatus(body) : {running: false};
    } catch {
      // Nobody listens there: that is the answer.
      return {running: false};
    }
  }

  async startNats(input: NatsInput, signal: AbortSignal): Promise<boolean> {
    const {platform} = this.#options;
    checkNumber('port', input.port, portRange);
    checkNumber('monitor_port', input.monitor_port, portRange);
    if (this.#nats !== undefined) throw new ActionFailure('NATS is already running');
    let program: string;
    try {
      program = (await findNatsServer(platform, '')).path;
    } catch (error) {
      throw new ActionFailure(errorMessage(error));
    }
    const directory = await platform.files.makeTempDirectory('choria-emulator-nats-');
    const path = join(directory, 'nats-server.json');
    const credentialsPath = join(directory, 'leafnode.creds');
    if (input.credentials !== undefined && input.credentials !== '') {
      await platform.files.writeAtomic(credentialsPath, Buffer.from(input.credentials, 'base64'), {mode: 0o600});
    }
    await platform.files.writeAtomic(path, JSON.stringify(natsConfiguration(input, credentialsPath)), {mode: 0o600});
    const running = await platform.processes.start({
      command: program,
      args: ['-c', path],
      env: environment(platform),
      cwd: directory,
      outputBytesMax: childOutputBytesMax,
    });
    this.#nats = {running, directory};
    void running.exited.then(async () => {
      this.#nats = undefined;
      await platform.files.remove(directory, {recursive: true});
    });
    await this.#until(() => this.#answers(input.monitor_port), signal);
    return this.#nats !== undefined && (await this.#answers(input.monitor_port));
  }

  async stopNats(): Promise<boolean> {
    const nats = this.#nats;
    if (nats === undefined) return true;
    nats.running.signal('SIGTERM');
    const {clock} = this.#options.platform;
    const isDone = await Promise.race([nats.running.exited.then(() => true), sleep(clock, waitMs).then(() => false)]);
    if (!isDone) {
      nats.running.signal('SIGKILL');
      await nats.running.exited;
    }
    return true;
  }

  async stopAll(): Promise<void> {
    await this.stopNats();
    const all = [...this.#emulators.values()];
    for (const running of all) running.signal('SIGTERM');
    await Promise.all(all.map((running) => running.exited));
  }

  async #answers(port: number): Promise<boolean> {
    try {
      const {status} = await this.#options.platform.http.request({
        url: `http://127.0.0.1:${port}/healthz`,
        timeoutMs: statusTimeoutMs,
        responseBytesMax: statusBytesMax,
      });
      return status === 200;
    } catch {
      return false;
    }
  }

  async #until(isDone: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
    const {clock} = this.#options.platform;
    const endMs = clock.monotonicMs() + waitMs;
    for (;;) {
      if (await isDone()) return true;
      if (clock.monotonicMs() >= endMs) return false;
      await sleep(clock, waitStepMs, {signal});
    }
  }
}

function natsConfiguration(input: NatsInput, credentialsPath: string): Readonly<Record<string, unknown>> {
  const urls = (input.leafnode_servers ?? '').split(',').filter((url) => url.trim() !== '');
  const credentials = (input.credentials ?? '') === '' ? {} : {credentials: credentialsPath};
  return {
    listen: `0.0.0.0:${input.port}`,
    http: `127.0.0.1:${input.monitor_port}`,
    ...(urls.length === 0 ? {} : {leafnodes: {remotes: [{urls: urls.map((url) => url.trim()), ...credentials}]}}),
  };
}

function readStatus(body: Buffer): Status {
  const document = JSON.parse(body.toString('utf8')) as {
    readonly name?: unknown;
    readonly config?: {readonly pid?: unknown; readonly TLS?: unknown};
    readonly memstats?: {readonly Sys?: unknown};
  };
  const {name, config, memstats} = document;
  return {
    running: true,
    tls: config?.TLS === 1,
    ...(typeof name === 'string' ? {name} : {}),
    ...(typeof config?.pid === 'number' ? {pid: config.pid} : {}),
    ...(typeof memstats?.Sys === 'number' ? {memory: memstats.Sys} : {}),
  };
}

function checkNumber(name: string, value: number, range: {readonly min: number; readonly max: number}): void {
  if (Number.isInteger(value) && value >= range.min && value <= range.max) return;
  throw new ActionFailure(`${name} is ${value}, expected a whole number from ${range.min} to ${range.max}`);
}

function environment(platform: Platform): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(platform.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
