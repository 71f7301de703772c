/**
 * The demo: a whole fleet in a private folder, used as an operator would use it, then removed.
 *
 * Everything goes through the programs that operators run; only the replayed request is made by hand, because no program of ours
 * would send one.
 */
import type {Platform} from '../../lib/platform.ts';
import {sleep} from '../../lib/platform.ts';
import {DemoError} from './errors.ts';
import {callerName, realNodes, writeMembers, writeOrganisation} from './fleet-files.ts';
import type {FleetFiles} from './fleet-files.ts';
import {startFleetProcess} from './fleet-processes.ts';
import type {FleetProcess} from './fleet-processes.ts';
import {commandTimeoutMs, countIntervalMs, countTimeoutMs, nodesMax, nodesMin} from './limits.ts';
import {replayARequest} from './replay.ts';
import {type CommandOutcome, demoScenes} from './scenes.ts';

export interface DemoOptions {
  readonly platform: Platform;
  readonly nodes: number;
  readonly keep: boolean;
  readonly signal: AbortSignal;
  /** Whole lines for the person who watches. */
  readonly say: (text: string) => void;
}

export interface DemoResult {
  readonly ok: boolean;
  readonly nodes: {readonly expected: number; readonly answered: number};
  /** Commands and refusals that were run. */
  readonly requests: number;
  readonly refused: number;
  readonly failures: readonly string[];
  readonly seconds: number;
}

const outputBytesMax = 4 * 1024 * 1024;

/** What the emulated nodes are like: the same kinds of facts and classes as the real ones. */
const emulatedLike: readonly string[] = [
  '--identity=emulated{n:4}.example.net',
  '--fact=country={pick:mt|us|fr}',
  '--fact=role={pick:web|db|cache}',
  '--class=roles::{pick:web|db|cache}',
];

/**
 * Runs the demo to its end; with `keep` it then waits until the signal is aborted.
 *
 * @throws {DemoError} `ERR_DEMO_NODES` | `ERR_DEMO_NOT_READY`
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const {platform, nodes, say} = options;
  if (!Number.isInteger(nodes) || nodes < nodesMin || nodes > nodesMax) {
    throw new DemoError(
      'ERR_DEMO_NODES',
      `Cannot run a demo of "${nodes}" nodes: expected a number from ${nodesMin} to ${nodesMax}`,
    );
  }
  const startedAtMs = platform.clock.monotonicMs();
  const directory = await platform.files.makeTempDirectory('choria-demo-');
  const fleet = new DemoFleet(platform, {directory, nodes, signal: options.signal});
  try {
    say(`Making certificates and configuration in ${directory}`);
    const files = await fleet.start(say);
    const story = await playScenes(fleet, files, options);
    const seconds = Math.round((platform.clock.monotonicMs() - startedAtMs) / 100) / 10;
    const result: DemoResult = {
      ok: story.failures.length === 0 && story.answered === nodes,
      nodes: {expected: nodes, answered: story.answered},
      requests: story.requests,
      refused: story.refused,
      failures: story.failures,
      seconds,
    };
    say('');
    say(
      `${story.answered} of ${nodes} nodes answered; ${story.requests} requests, ${story.refused} refused as they should be, in ${seconds} s`,
    );
    for (const failure of story.failures) say(`Not as it should be: ${failure}`);
    if (options.keep && !options.signal.aborted) await keepRunning(files, options);
    return result;
  } finally {
    await fleet.stop();
    await platform.files.remove(directory, {recursive: true});
    say('Stopped everything and removed the folder');
  }
}

/** The fleet's processes and the environment in which its commands run. */
class DemoFleet {
  readonly #platform: Platform;
  readonly #directory: string;
  readonly #nodes: number;
  readonly #signal: AbortSignal;
  readonly #processes: FleetProcess[] = [];

  constructor(
    platform: Platform,
    options: {readonly directory: string; readonly nodes: number; readonly signal: AbortSignal},
  ) {
    this.#platform = platform;
    this.#directory = options.directory;
    this.#nodes = options.nodes;
    this.#signal = options.signal;
  }

  async start(say: (text: string) => void): Promise<FleetFiles> {
    const brokerConfig = await writeOrganisation(this.#platform, this.#directory);
    const broker = await this.#launch('broker', ['broker', 'run', '--config', brokerConfig]);
    const listening = await broker.waitForLine(/Listening for client connections on ([^\s"]+)/);
    const brokerAddress = listening[1] ?? '';
    say(`The broker (process ${broker.pid}) listens on ${brokerAddress} with TLS`);

    const files = await writeMembers(this.#platform, {directory: this.#directory, brokerAddress});
    for (const [index, config] of files.serverConfigs.entries()) {
      const identity = realNodes[index]?.name ?? config;
      await this.#launch(identity, ['server', 'run', '--config', config]);
    }
    const emulated = this.#nodes - realNodes.length;
    const emulator = await this.#launch('emulator', [
      'emulate',
      '--config',
      files.emulatorConfig,
      '--count',
      String(emulated),
      '--ca-key',
      files.authorityKey,
      ...emulatedLike,
    ]);
    await emulator.waitForLine(/Emulated \d+ servers are running/);
    say(
      `${realNodes.length} servers (processes ${this.#processes
        .slice(1, -1)
        .map((item) => item.pid)
        .join(', ')}) and ${emulated} emulated ones (process ${emulator.pid}) are starting`,
    );
    await this.#waitForNodes(files);
    return files;
  }

  /** Runs the command line as an operator would, in a process of its own. */
  async command(args: readonly string[], files: FleetFiles): Promise<CommandOutcome> {
    const {self} = this.#platform.host;
    const result = await this.#platform.processes.run({
      command: self.command,
      args: [...self.args, ...args],
      env: this.#environment(files.homeDirectory),
      cwd: files.homeDirectory,
      timeoutMs: commandTimeoutMs,
      outputBytesMax,
      signal: this.#signal,
    });
    return {exitCode: result.exitCode, stdout: result.stdout.toString('utf8'), stderr: result.stderr.toString('utf8')};
  }

  /** Whether any of the real servers has logged such a line. */
  hasLogged(pattern: RegExp): boolean {
    return this.#processes.some((item) => item.hasLogged(pattern));
  }

  async stop(): Promise<void> {
    // Members first: their last events still find the broker.
    const [broker, ...members] = this.#processes;
    await Promise.all(members.map((item) => item.stop()));
    await broker?.stop();
  }

  #environment(home: string): Record<string, string> {
    const {PATH = '', COLUMNS = '100'} = this.#platform.env;
    return {PATH, COLUMNS, HOME: home, USER: 'demo', MCOLLECTIVE_CERTNAME: callerName};
  }

  async #launch(name: string, args: readonly string[]): Promise<FleetProcess> {
    const {self} = this.#platform.host;
    const {MCOLLECTIVE_CERTNAME: _caller, ...env} = this.#environment(this.#directory);
    const started = await startFleetProcess(this.#platform, {
      name,
      program: self.command,
      args: [...self.args, ...args],
      env,
      cwd: this.#directory,
      signal: this.#signal,
    });
    this.#processes.push(started);
    return started;
  }

  /** Real servers need a moment to connect; the fleet is up when as many answer as were started, or the patience ends. */
  async #waitForNodes(files: FleetFiles): Promise<void> {
    const {clock} = this.#platform;
    const endsAtMs = clock.monotonicMs() + countTimeoutMs;
    while (clock.monotonicMs() < endsAtMs) {
      const outcome = await this.command(
        ['ping', '--names', '--expect', String(this.#nodes), '--config', files.clientConfig],
        files,
      );
      if (lines(outcome.stdout).length >= this.#nodes) return;
      await sleep(clock, countIntervalMs, {signal: this.#signal});
    }
  }
}

interface Story {
  answered: number;
  requests: number;
  refused: number;
  readonly failures: string[];
}

async function playScenes(fleet: DemoFleet, files: FleetFiles, options: DemoOptions): Promise<Story> {
  const {say, nodes} = options;
  const story: Story = {answered: 0, requests: 0, refused: 0, failures: []};
  for (const scene of demoScenes(nodes)) {
    say('');
    say(`# ${scene.title}`);
    say(`$ choria ${scene.args.join(' ')}`);
    const outcome = await fleet.command([...scene.args, '--config', files.clientConfig], files);
    show(outcome, say);
    story.requests += 1;
    if (scene.args[0] === 'ping')
      story.answered = lines(outcome.stdout).filter((line) => /time=\d+ ms/.test(line)).length;
    const problem = scene.check(outcome);
    if (problem !== undefined) story.failures.push(`choria ${scene.args.join(' ')}: ${problem}`);
  }
  await refuseStranger(fleet, files, {say, story});
  await refuseReplay(fleet, files, {options, story});
  return story;
}

async function refuseStranger(
  fleet: DemoFleet,
  files: FleetFiles,
  telling: {readonly say: (text: string) => void; readonly story: Story},
): Promise<void> {
  const {say, story} = telling;
  say('');
  say('# A caller whose certificate is from another authority is refused');
  say('$ choria ping --config stranger.conf');
  const outcome = await fleet.command(['ping', '--config', files.strangerConfig], files);
  show(outcome, say);
  story.requests += 1;
  if (outcome.exitCode !== 0 && !/time=\d+ ms/.test(outcome.stdout)) story.refused += 1;
  else story.failures.push('a caller from another authority was served');
}

async function refuseReplay(
  fleet: DemoFleet,
  files: FleetFiles,
  telling: {readonly options: DemoOptions; readonly story: Story},
): Promise<void> {
  const {options, story} = telling;
  options.say('');
  options.say('# A request that was recorded and is sent again is refused');
  const replay = await replayARequest({
    platform: options.platform,
    configPath: files.clientConfig,
    certname: callerName,
    answersExpected: options.nodes,
    signal: options.signal,
  });
  options.say(`Sent a signed request (${replay.bytes} bytes, id ${replay.requestId}): ${replay.firstAnswers} answers`);
  options.say(`Sent the same bytes again: ${replay.secondAnswers} answers`);
  story.requests += 2;
  if (replay.firstAnswers === options.nodes && replay.secondAnswers === 0) story.refused += 1;
  else story.failures.push(`a replayed request had ${replay.secondAnswers} answers after ${replay.firstAnswers}`);
  if (!fleet.hasLogged(/already accepted once/)) story.failures.push('no server logged that a request was replayed');
}

async function keepRunning(files: FleetFiles, options: DemoOptions): Promise<void> {
  options.say('');
  options.say('The fleet goes on until you press Ctrl-C. To use it from another terminal, paste:');
  options.say('');
  options.say(`export MCOLLECTIVE_CERTNAME=${callerName}`);
  options.say(
    `alias choria='${[options.platform.host.self.command, ...options.platform.host.self.args].join(' ')}'; choria ping --config ${files.clientConfig}`,
  );
  await new Promise<void>((resolve) => {
    if (options.signal.aborted) resolve();
    else options.signal.addEventListener('abort', () => resolve(), {once: true});
  });
}

function show(outcome: CommandOutcome, say: (text: string) => void): void {
  for (const text of [outcome.stdout, outcome.stderr]) {
    const trimmed = text.replace(/\n+$/, '');
    if (trimmed !== '') say(trimmed);
  }
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
