/**
 * A whole fleet in one process, on a simulated clock, network and disks, from one seed.
 *
 * The code that runs is the code that ships: broker engine, servers, client, policies, audit, replay guard. Only the outside world is
 * simulated, and TLS is replaced by a twin that judges certificates and does not encrypt.
 */
import {
  connectSecurity,
  createSecurityProvider,
  openConnection,
  securitySwitches,
  serverSource,
} from '../connect/index.ts';
import type {Connection} from '../connect/index.ts';
import {loadConfig} from '../config/index.ts';
import {createClient, type FleetClient} from '../client/index.ts';
import {silentLogger} from '../lib/logger.ts';
import {inboxPrefix} from '../protocol/index.ts';
import {Chaos, type FaultName} from './chaos.ts';
import {Checks, type Violation} from './checks.ts';
import {SimFleet} from './fleet.ts';
import {History, type HistoryEvent} from './history.ts';
import {createLedgerAgent, ledgerPolicy, type Run} from './ledger.ts';
import {createSimRandom} from './random.ts';
import {Timeline} from './timeline.ts';
import {Tape, Workload} from './workload.ts';

export interface SimulationOptions {
  readonly seed: string;
  /** Simulated minutes of faults and work; starting and healing come on top. */
  readonly minutes: number;
  readonly nodes: number;
  /** `false`: only work happens. Names: only these kinds, such as `power-cut`. */
  readonly faults?: boolean | readonly FaultName[];
  /** Numbers of faults, in the order drawn, that are left out: how a failing history is made smaller. */
  readonly withoutFaults?: ReadonlySet<number>;
  readonly onEvent?: (event: HistoryEvent) => void;
}

export interface SimulationResult {
  readonly ok: boolean;
  readonly seed: string;
  /** Of the whole history: equal for equal seeds and options, on any machine. */
  readonly hash: string;
  /** Simulated events: timers, arrivals, disk operations. */
  readonly events: number;
  readonly requests: number;
  readonly replays: number;
  /** Actions that ran on nodes. */
  readonly runs: number;
  readonly faults: number;
  /** Faults that the seed draws, those left out included. */
  readonly faultsDrawn: number;
  readonly violations: readonly Violation[];
  readonly history: readonly HistoryEvent[];
}

const startLimitMs = 120_000;
/** After the last fault is mended the fleet has this long to be whole: the slowest way back is a back-off of 20 s, half of it jitter, twice. */
const healMs = 120_000;
/** A broker notices a peer that vanished without a word after three of its two-minute pings. */
const staleMs = 8 * 60_000;
/** A node that does nothing waits for its connection, its events and its queues, and for no more than this. */
const idleTimersMax = 40;

/**
 * @example
 * const result = await simulate({seed: '1', minutes: 10, nodes: 20});
 * if (!result.ok) console.log(result.violations);
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const {seed, minutes, nodes} = options;
  const random = createSimRandom(seed);
  const timeline = new Timeline();
  const history = new History(options.onEvent);
  const checks = new Checks(isAllowed);
  const powerCuts = new Set<string>();
  const runsByNode = new Map<string, Run[]>();
  const ran = (run: Run): void => {
    history.add(timeline.nowMs, {kind: 'ran', text: `${run.node} ${run.requestId} ${run.action} ${run.task}`});
    checks.ran(run);
    runsByNode.set(run.node, [...(runsByNode.get(run.node) ?? []), run]);
  };
  const fleet = new SimFleet({
    timeline,
    random: random.fork('fleet'),
    history,
    nodes,
    agents: ({platform}) => [createLedgerAgent(platform, ran)],
    policies: {ledger: ledgerPolicy},
  });
  await fleet.prepare();
  const callers = await prepareCallers(fleet);

  await timeline.runUntil(fleet.startBroker(), startLimitMs);
  await timeline.runUntil(Promise.all(fleet.nodes.map((node) => fleet.startNode(node))), startLimitMs);
  const tape = new Tape();
  const alice = await timeline.runUntil(connectCaller(fleet, {...callers.alice, tape}), startLimitMs);
  const carol = await timeline.runUntil(connectCaller(fleet, callers.carol), startLimitMs);
  const mallory = await timeline.runUntil(connectCaller(fleet, callers.mallory), startLimitMs);

  const workload = new Workload({
    timeline,
    random: random.fork('workload'),
    history,
    checks,
    nodes: fleet.nodes.map((node) => node.identity),
    alice: alice.client,
    carol: carol.client,
    hostile: {...mallory, tape},
  });
  const chaos = new Chaos({
    fleet,
    timeline,
    random: random.fork('chaos'),
    history,
    onPowerCut: (name) => powerCuts.add(name),
    ...(Array.isArray(options.faults) ? {only: options.faults} : {}),
    ...(options.withoutFaults === undefined ? {} : {without: options.withoutFaults}),
  });
  workload.start();
  if (options.faults !== false) chaos.start();
  await timeline.run(timeline.nowMs + minutes * 60_000);

  chaos.stop();
  workload.stop();
  await timeline.run(timeline.nowMs + 1_000);
  await timeline.runUntil(fleet.startMissing(), timeline.nowMs + startLimitMs);
  await timeline.run(timeline.nowMs + healMs);
  checks.hold(workload.open === 0, {rule: 'every request ends', text: `${workload.open} requests have not ended`});
  await checkHealed({fleet, timeline, checks, client: alice.client});
  checkAudit({fleet, checks, runsByNode, powerCuts});
  return {
    ok: checks.violations.length === 0,
    seed,
    hash: history.digest(),
    events: timeline.events,
    requests: workload.requests,
    replays: workload.replays,
    runs: checks.runs,
    faults: chaos.count,
    faultsDrawn: chaos.drawn,
    violations: checks.violations,
    history: history.last,
  };
}

/** What the policy on the nodes allows, said once more. */
function isAllowed(run: Run): boolean {
  return (
    run.callerId === 'choria=alice.mcollective' ||
    (run.callerId === 'choria=carol.mcollective' && run.action === 'read')
  );
}

interface CallerOptions {
  readonly machine: Awaited<ReturnType<SimFleet['caller']>>;
  readonly certname: string;
  readonly tape?: Tape;
}

async function prepareCallers(
  fleet: SimFleet,
): Promise<Readonly<Record<'alice' | 'carol' | 'mallory', CallerOptions>>> {
  const make = async (name: string): Promise<CallerOptions> => {
    const certname = `${name}.mcollective`;
    return {machine: await fleet.caller(certname), certname};
  };
  return {alice: await make('alice'), carol: await make('carol'), mallory: await make('mallory')};
}

async function connectCaller(
  fleet: SimFleet,
  options: CallerOptions,
): Promise<{readonly client: FleetClient; readonly connection: Connection}> {
  const {certname, tape} = options;
  const {platform, resolver} = fleet.clientProcess(options.machine, {certname});
  const config = await loadConfig({platform, mode: 'user', path: '/etc/choria/choria.conf'});
  const logger = silentLogger;
  const provider = await createSecurityProvider(config, {platform, mode: 'client', logger, certnameOverride: certname});
  const opened = await openConnection({
    platform,
    name: provider.callerId,
    servers: serverSource(config, {platform, logger}),
    ...connectSecurity(config, {provider, switches: securitySwitches({platform, mode: 'client', logger})}),
    inboxPrefix: inboxPrefix('mcollective', provider.callerId),
    pingIntervalMs: 30_000,
  });
  const connection = tape === undefined ? opened : tape.record(opened);
  return {client: createClient({config, platform, resolver, connection, provider}), connection};
}

/** The fleet is whole again: every node is found, and nothing has leaked. */
async function checkHealed(options: {
  readonly fleet: SimFleet;
  readonly timeline: Timeline;
  readonly checks: Checks;
  readonly client: FleetClient;
}): Promise<void> {
  const {fleet, timeline, checks, client} = options;
  const found = await timeline.runUntil(client.discover({timeoutMs: 5_000}), timeline.nowMs + 60_000);
  const missing = fleet.nodes.map((node) => node.identity).filter((name) => !found.identities.includes(name));
  checks.hold(missing.length === 0, {
    rule: 'after healing the fleet is whole',
    text: `discovery does not find ${missing.join(', ')}`,
  });
  await timeline.run(timeline.nowMs + staleMs);
  for (const node of fleet.nodes) {
    const timers = node.process?.pendingTimers ?? 0;
    checks.hold(timers <= idleTimersMax, {rule: 'no timers leak', text: `${node.identity} waits for ${timers} timers`});
  }
  const connections = fleet.nodes.length + 3;
  checks.hold(fleet.network.openStreams <= connections * 2, {
    rule: 'no connections leak',
    text: `${fleet.network.openStreams} ends of connections are open, expected at most ${connections * 2}`,
  });
}

/** What ran is in the audit log; a power cut may take what was written last. */
function checkAudit(options: {
  readonly fleet: SimFleet;
  readonly checks: Checks;
  readonly runsByNode: ReadonlyMap<string, readonly Run[]>;
  readonly powerCuts: ReadonlySet<string>;
}): void {
  for (const node of options.fleet.nodes) {
    if (options.powerCuts.has(node.identity)) continue;
    const log = node.host.disk.text('/var/log/choria-audit.log') ?? '';
    const unaudited = (options.runsByNode.get(node.identity) ?? []).filter(
      (run) => !log.includes(`"${run.requestId}"`),
    );
    options.checks.hold(unaudited.length === 0, {
      rule: 'nothing runs without its audit line',
      text: `${node.identity} ran ${unaudited.length} requests that its audit log does not have, such as ${unaudited[0]?.requestId ?? ''}`,
    });
  }
}
