/**
 * A whole fleet in one process, on a simulated clock, network and disks, from one seed.
 *
 * The code that runs is the code that ships: broker engine, servers, client, provisioning, policies, audit, spool, replay guard. Only
 * the outside world is simulated, and TLS is replaced by a twin that judges certificates and does not encrypt.
 */
import {connectCaller, type SimCaller} from './callers.ts';
import {Chaos, type FaultName} from './chaos.ts';
import {Checks, type Violation} from './checks.ts';
import {Tape} from './doubling.ts';
import {auditPath, registrationSeconds, SimFleet, type SimMachine, spoolDirectory, stateDirectory} from './fleet.ts';
import {checkAudit, checkLeaks, checkWhole, healHalfOpenMs, healMs, healNewcomersMs} from './healing.ts';
import {History, type HistoryEvent} from './history.ts';
import {createLedgerAgent, ledgerPolicy, type Run} from './ledger.ts';
import type {SimTls} from './network.ts';
import type {KeyPool, SimSecurity} from './organisation.ts';
import {createSimRandom, type SimRandom} from './random.ts';
import {Registrations} from './registrations.ts';
import {daveEndMs, planRights, Rights, type RightsPlan} from './rights.ts';
import {Submissions} from './submissions.ts';
import {Timeline} from './timeline.ts';
import {Workload} from './workload.ts';

export interface SimulationOptions {
  readonly seed: string;
  /** Simulated minutes of faults and work; starting and healing come on top. */
  readonly minutes: number;
  /** Those included that begin without a configuration: two, in fleets of more than four. */
  readonly nodes: number;
  /** Absent: drawn from the seed. */
  readonly security?: SimSecurity;
  /** How connections are protected; absent: by the twin. See docs/design/simulation.md. */
  readonly tls?: SimTls;
  /** `false`: only work happens. Names: only these kinds, such as `power-cut`. */
  readonly faults?: boolean | readonly FaultName[];
  /** Numbers of faults, in the order drawn, that are left out: how a failing history is made smaller. */
  readonly withoutFaults?: ReadonlySet<number>;
  /** Stops at this simulated time, before anything is judged that must hold in the end only. */
  readonly untilMs?: number;
  /** Keys of certificates, made once for many simulations. */
  readonly keys?: KeyPool;
  readonly onEvent?: (event: HistoryEvent) => void;
}

export interface SimulationResult {
  readonly ok: boolean;
  readonly seed: string;
  readonly security: SimSecurity;
  /** Of the whole history: equal for equal seeds and options, on any machine. */
  readonly hash: string;
  /** Simulated events: timers, arrivals, disk operations. */
  readonly events: number;
  readonly requests: number;
  readonly replays: number;
  /** Actions that ran on nodes. */
  readonly runs: number;
  /** Messages that local programs submitted. */
  readonly submissions: number;
  readonly registrations: number;
  readonly faults: number;
  /** Faults that the seed draws, those left out included. */
  readonly faultsDrawn: number;
  readonly violations: readonly Violation[];
  readonly history: readonly HistoryEvent[];
}

const startLimitMs = 120_000;
/** Newcomers of a fleet that is large enough for others to be there. */
const newcomersOf = (nodes: number): number => (nodes > 4 ? 2 : 0);
const skewMs = 1_500;
const spoolsMax = 6;
/** Looks at everything that must always hold, but is too dear for each step. */
const checkEveryMs = 5_000;
/** What waits to be sent on one connection: the broker's bound for a slow reader, which is the highest. */
const queuedBytesMax = 64 * 1024 * 1024;
const brokerTimersMax = 50;
const callerNames = ['alice', 'carol', 'dave', 'erin', 'mallory', 'stream'] as const;
/** Those whose rights do not end, and dave, who has them again. */
const callersInTheEnd = callerNames.length - 1;

/**
 * @example
 * const result = await simulate({seed: '1', minutes: 10, nodes: 20});
 * if (!result.ok) console.log(result.violations);
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options);
  await simulation.begin();
  await simulation.work();
  if (!simulation.isCutShort) await simulation.heal();
  return simulation.result();
}

type CallerName = (typeof callerNames)[number];

interface Actors {
  readonly callers: Readonly<Record<CallerName, SimCaller>>;
  readonly workload: Workload;
  readonly submissions: Submissions;
  readonly registrations: Registrations;
  readonly rights: Rights;
  readonly chaos: Chaos;
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: SimRandom;
  readonly #timeline: Timeline;
  readonly #history: History;
  readonly #checks: Checks;
  readonly #fleet: SimFleet;
  readonly #plan: RightsPlan;
  readonly #security: SimSecurity;
  readonly #runsByNode = new Map<string, Run[]>();
  /** Nodes whose audit log may lack lines. */
  readonly #excused = new Set<string>();
  /** Hosts whose memory of requests had flipped bits, and hosts whose clock was ahead for a while. */
  readonly #forgetful = new Set<string>();
  readonly #hurried = new Set<string>();
  #isHalfOpen = false;
  #nextCheckMs = 0;
  #actors: Actors | undefined;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = createSimRandom(options.seed);
    this.#timeline = new Timeline(() => this.#step());
    this.#history = new History(options.onEvent);
    this.#checks = new Checks((run) => this.#isAllowed(run));
    this.#plan = planRights(options.minutes);
    this.#security = options.security ?? (this.#random.fork('security').chance(0.5) ? 'tokens' : 'certificates');
    const newcomers = newcomersOf(options.nodes);
    this.#fleet = new SimFleet({
      timeline: this.#timeline,
      random: this.#random.fork('fleet'),
      history: this.#history,
      security: this.#security,
      nodes: options.nodes - newcomers,
      newcomers,
      spools: spoolsMax,
      ...(options.keys === undefined ? {} : {keys: options.keys}),
      ...(options.tls === undefined ? {} : {tls: options.tls}),
      skewMs,
      agents: ({platform}) => [createLedgerAgent(platform, (run) => this.#ran(run))],
      policies: {ledger: ledgerPolicy},
      onStarted: (node) => this.#actors?.workload.started(node.identity),
    });
  }

  get isCutShort(): boolean {
    return this.#timeline.nowMs >= (this.#options.untilMs ?? Number.POSITIVE_INFINITY);
  }

  /** Until everybody is there; newcomers wait. */
  async begin(): Promise<void> {
    const fleet = this.#fleet;
    const timeline = this.#timeline;
    await fleet.prepare();
    const machines = new Map<CallerName, SimMachine>();
    for (const name of callerNames) {
      const ends = name === 'dave' ? {endMs: daveEndMs(this.#plan)} : {};
      machines.set(name, await fleet.caller(`${name}.mcollective`, ends));
    }
    const renewal = await fleet.renewal('dave.mcollective');
    await timeline.runUntil(fleet.startBroker(), startLimitMs);
    const settled = fleet.nodes.filter((node) => !node.isNewcomer);
    await timeline.runUntil(Promise.all(settled.map((node) => fleet.startNode(node))), startLimitMs);
    for (const machine of fleet.nodes) if (machine.isNewcomer) fleet.restart(machine);
    if (fleet.provisioner !== undefined) fleet.restart(fleet.provisioner);
    const tape = new Tape();
    const connect = (name: CallerName): Promise<SimCaller> => {
      const machine = machines.get(name);
      if (machine === undefined) throw new Error(`There is no machine of ${name}`);
      const random = this.#random.fork('callers');
      const isHeard = name === 'alice' || name === 'erin' || name === 'dave';
      const connecting = connectCaller(fleet, {name, machine, timeline, random, ...(isHeard ? {tape} : {})});
      return timeline.runUntil(connecting, timeline.nowMs + startLimitMs);
    };
    const callers = {
      alice: await connect('alice'),
      carol: await connect('carol'),
      dave: await connect('dave'),
      erin: await connect('erin'),
      mallory: await connect('mallory'),
      stream: await connect('stream'),
    };
    this.#actors = this.#makeActors({callers, renewal, tape});
  }

  async work(): Promise<void> {
    const {workload, submissions, registrations, rights, chaos} = this.#present();
    const timeline = this.#timeline;
    workload.start();
    submissions.start();
    registrations.start();
    rights.start();
    if (this.#options.faults !== false) chaos.start();
    const endMs = timeline.nowMs + this.#options.minutes * 60_000;
    await timeline.run(Math.min(endMs, this.#options.untilMs ?? endMs));
    chaos.stop();
    workload.stop();
    submissions.stop();
  }

  /** Everything is mended; what must be true in the end is looked at. */
  async heal(): Promise<void> {
    const {callers, workload, submissions, registrations} = this.#present();
    const timeline = this.#timeline;
    const fleet = this.#fleet;
    const checks = this.#checks;
    await timeline.run(timeline.nowMs + 1_000);
    await timeline.runUntil(fleet.startMissing(), timeline.nowMs + startLimitMs);
    const parts = {
      fleet,
      timeline,
      checks,
      history: this.#history,
      client: callers.alice.client,
      callers: callersInTheEnd,
      isHalfOpen: this.#isHalfOpen,
      isDeaf: (host: string) => this.#forgetful.has(host) && this.#hurried.has(host),
    };
    const waits = fleet.nodes.some((node) => !fleet.isServing(node));
    const limits = [healMs, this.#isHalfOpen ? healHalfOpenMs : 0, waits ? healNewcomersMs : 0];
    await checkWhole(parts, {limitMs: Math.max(...limits)});
    const wholeAtMs = timeline.nowMs;
    await checkLeaks(parts);
    checks.hold(workload.open === 0, {rule: 'every request ends', text: `${workload.open} requests have not ended`});
    const missing = submissions.missing();
    checks.hold(missing.length === 0, {
      rule: 'what was submitted arrives',
      text: `${missing.length} messages were accepted and did not arrive, such as ${missing[0] ?? ''}`,
    });
    // The first wait, which is drawn, and one interval.
    const registered = timeline.nowMs - wholeAtMs > 2 * registrationSeconds * 1000 + 60_000;
    const silent = registered ? registrations.silentSince(wholeAtMs) : [];
    checks.hold(silent.length === 0, {rule: 'nodes register', text: `${silent.join(', ')} did not`});
    checks.hold(callers.dave.connection.state === 'connected', {
      rule: 'renewed rights count',
      text: 'dave has a new certificate or token and is not connected',
    });
    checkAudit({fleet, checks, runsByNode: this.#runsByNode, excused: this.#excused});
  }

  result(): SimulationResult {
    const {workload, submissions, registrations, chaos} = this.#present();
    return {
      ok: this.#checks.violations.length === 0,
      seed: this.#options.seed,
      security: this.#security,
      hash: this.#history.digest(),
      events: this.#timeline.events,
      requests: workload.requests,
      replays: workload.replays,
      runs: this.#checks.runs,
      submissions: submissions.submitted,
      registrations: registrations.count,
      faults: chaos.count,
      faultsDrawn: chaos.drawn,
      violations: this.#checks.violations,
      history: this.#history.last,
    };
  }

  #makeActors(given: {
    readonly callers: Actors['callers'];
    readonly renewal: Readonly<Record<string, string>>;
    readonly tape: Tape;
  }): Actors {
    const {callers, renewal, tape} = given;
    const {alice, carol, dave, erin, mallory, stream} = callers;
    const fleet = this.#fleet;
    const common = {fleet, timeline: this.#timeline, history: this.#history, checks: this.#checks};
    const identities = fleet.nodes.map((node) => node.identity);
    const submissions = new Submissions({
      ...common,
      random: this.#random.fork('submissions'),
      connection: stream.connection,
    });
    const rights = new Rights(this.#plan, {...common, dave, erin, renewal});
    const chaos = new Chaos({
      ...common,
      random: this.#random.fork('chaos'),
      damage: {
        powerCut: (host) => {
          this.#excused.add(host);
          this.#isHalfOpen = true;
        },
        flipped: (host, path) => {
          if (path === auditPath) this.#excused.add(host);
          if (path.startsWith(spoolDirectory)) submissions.damaged(host);
          if (path.startsWith(stateDirectory)) this.#forgetful.add(host);
        },
        clockChanged: (host, aheadMs) => {
          submissions.clockJumped(host);
          if (aheadMs > 0) this.#hurried.add(host);
        },
        paused: (host) => rights.resumed(host),
        halfOpen: () => (this.#isHalfOpen = true),
      },
      ...(Array.isArray(this.#options.faults) ? {only: this.#options.faults} : {}),
      ...(this.#options.withoutFaults === undefined ? {} : {without: this.#options.withoutFaults}),
    });
    const workload = new Workload({
      ...common,
      random: this.#random.fork('workload'),
      nodes: identities,
      alice: alice.client,
      files: alice.platform.files,
      carol: carol.client,
      passing: [
        {name: 'dave', client: dave.client},
        {name: 'erin', client: erin.client},
      ],
      hostile: {connection: mallory.connection, client: mallory.client, tape},
    });
    const registrations = new Registrations({
      ...common,
      connection: stream.connection,
      identities: new Set(identities),
    });
    return {callers, workload, submissions, registrations, rights, chaos};
  }

  #present(): Actors {
    if (this.#actors === undefined) throw new Error('The simulation has not begun');
    return this.#actors;
  }

  #ran(run: Run): void {
    this.#history.add(this.#timeline.nowMs, {
      kind: 'ran',
      text: `${run.node} ${run.requestId} ${run.action} ${run.task}`,
    });
    this.#checks.ran(run);
    const runs = this.#runsByNode.get(run.node);
    if (runs === undefined) this.#runsByNode.set(run.node, [run]);
    else runs.push(run);
    this.#actors?.chaos.ran(run.node);
  }

  /** What the policy on the nodes allows, said once more. */
  #isAllowed(run: Run): boolean {
    return (
      run.callerId === 'choria=alice.mcollective' ||
      (run.callerId === 'choria=carol.mcollective' && run.action === 'read') ||
      this.#actors?.rights.isAllowed(run) === true
    );
  }

  /** After each event. */
  #step(): void {
    const nowMs = this.#timeline.nowMs;
    if (nowMs < this.#nextCheckMs) return;
    this.#nextCheckMs = nowMs + checkEveryMs;
    const fleet = this.#fleet;
    const queued = fleet.network.queuedBytesMax;
    this.#checks.hold(queued <= queuedBytesMax, {
      rule: 'queues are bounded',
      text: `${queued} bytes wait to be sent on one connection`,
    });
    const timers = fleet.broker.process?.pendingTimers ?? 0;
    const connections = fleet.network.openStreams;
    this.#checks.hold(timers <= brokerTimersMax + 2 * connections, {
      rule: 'no timers leak',
      text: `the broker waits for ${timers} timers at ${connections} ends of connections`,
    });
    this.#actors?.workload.check();
    this.#actors?.rights.check();
  }
}
