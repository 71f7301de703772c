/** The scenarios of a study, in the order in which they run. Each asks a fleet that is whole, and leaves it whole. */
import {nsToMs, parseCliDuration} from '../../lib/duration.ts';
import {sleep} from '../../lib/platform.ts';
import {emptyFilter, peekTransportSender} from '../../protocol/index.ts';
import type {StudyFleet} from './fleet.ts';
import {openSlowReader, openStudyClient, openStudyConnection} from './in-process.ts';
import {
  backgroundRequests,
  backgroundTargets,
  commandTimeoutMs,
  histogramBuckets,
  registrationServersMax,
  registrationTimeoutMs,
  scenarioTimeoutMs,
  settleTimeoutMsEach,
  settleTimeoutMsLeast,
  slowReaders,
  slowReaderTries,
  startTimeoutMsEach,
  startTimeoutMsLeast,
  startWordMs,
} from './limits.ts';
import {countAnswers, histogramOf, type Histogram, percentilesOf, type StudyRun} from './results.ts';

export interface ScenarioOutcome {
  readonly runs: readonly StudyRun[];
  readonly histogram?: Histogram | undefined;
  readonly notes?: readonly string[];
  readonly failures?: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Seconds for the middle run, by servers; from the project's own goals. */
  readonly goals?: Readonly<Record<number, number>>;
  run(fleet: StudyFleet, pace: ScenarioPace): Promise<ScenarioOutcome>;
}

export interface ScenarioPace {
  readonly runs: number;
  readonly nowMs: () => number;
  readonly say: (text: string) => void;
}

/** Lines such as `node-000001.example.net    time=12 ms`. */
export function parsePing(text: string): {readonly names: readonly string[]; readonly times: readonly number[]} {
  const names: string[] = [];
  const times: number[] = [];
  for (const match of text.matchAll(/^(\S+)\s+time=(\d+) ms$/gm)) {
    names.push(match[1] ?? '');
    times.push(Number(match[2]));
  }
  return {names, times};
}

/** The last lines of a request: `Finished processing 998 / 1000 hosts in 1.2s`, and what came besides. */
export function parseRequest(text: string): {readonly answered: number; readonly asked: number; readonly ms: number} {
  const match = /Finished processing (\d+) \/ (\d+) hosts in ([\d.hms]+)/.exec(text);
  return {
    answered: Number(match?.[1] ?? 0),
    asked: Number(match?.[2] ?? 0),
    ms: match?.[3] === undefined ? Number.NaN : nsToMs(parseCliDuration(match[3])),
  };
}

/** Ends early when it takes too long: a study that hangs tells nobody anything. */
export async function repeat(
  {runs, nowMs, say}: ScenarioPace,
  one: () => Promise<StudyRun>,
): Promise<{readonly runs: readonly StudyRun[]; readonly failures?: readonly string[]}> {
  const done: StudyRun[] = [];
  const endMs = nowMs() + scenarioTimeoutMs;
  while (done.length < runs && nowMs() < endMs) {
    const run = await one();
    done.push(run);
    say(`    ${run.seconds.toFixed(3)} s, ${run.answered} of ${run.expected}, ${run.doubled} doubled`);
  }
  if (done.length === runs) return {runs: done};
  return {
    runs: done,
    failures: [`${done.length} of ${runs} runs were made in ${scenarioTimeoutMs / 1000} s`],
  };
}

/** How many replies the servers sent beyond what they were asked for: a request that ran twice shows here. */
async function extraReplies(fleet: StudyFleet, asked: number, run: () => Promise<void>): Promise<number> {
  const {clock} = fleet.platform;
  const counted = async (): Promise<number> => {
    // The emulators tell their counters now and then: two equal looks are the truth.
    let last = -1;
    for (;;) {
      await sleep(clock, 1_200);
      const replies = fleet.emulator.sample()?.replies ?? 0;
      if (replies === last) return replies;
      last = replies;
    }
  };
  const before = await counted();
  await run();
  return Math.max(0, (await counted()) - before - asked);
}

async function onePing(fleet: StudyFleet): Promise<{readonly run: StudyRun; readonly times: readonly number[]}> {
  const {servers} = fleet.plan;
  const result = await fleet.command([
    'ping',
    '--expect',
    String(servers),
    '--timeout',
    String(commandTimeoutMs / 2000),
  ]);
  const {names, times} = parsePing(result.stdout);
  const percentiles = percentilesOf(times);
  return {
    times,
    run: {
      seconds: (percentiles?.max ?? result.wallMs) / 1000,
      wallSeconds: result.wallMs / 1000,
      ...countAnswers(names, servers),
      ...(percentiles === undefined ? {} : {percentiles}),
    },
  };
}

async function pings(fleet: StudyFleet, pace: ScenarioPace): Promise<ScenarioOutcome> {
  let times: readonly number[] = [];
  const done = await repeat(pace, async () => {
    const ping = await onePing(fleet);
    times = ping.times;
    return ping.run;
  });
  return {...done, histogram: histogramOf(times, histogramBuckets)};
}

async function oneRequest(fleet: StudyFleet, args: readonly string[]): Promise<StudyRun> {
  const {servers} = fleet.plan;
  const result = await fleet.command(['req', 'rpcutil', 'ping', '--np', '--display', 'none', ...args]);
  const {answered, asked, ms} = parseRequest(result.stdout);
  return {
    // One that failed took its time, too.
    seconds: (Number.isNaN(ms) ? result.wallMs : ms) / 1000,
    wallSeconds: result.wallMs / 1000,
    expected: servers,
    answered,
    lost: Math.max(0, servers - answered),
    doubled: Math.max(0, answered - asked),
  };
}

async function connected(
  fleet: StudyFleet,
  {timeoutMs, say}: {readonly timeoutMs: number; readonly say: ScenarioPace['say']},
): Promise<{readonly ms: number; readonly count: number}> {
  const {clock} = fleet.platform;
  const startedMs = clock.monotonicMs();
  let wordMs = startedMs + startWordMs;
  for (;;) {
    const count = fleet.emulator.sample()?.connected ?? 0;
    const ms = clock.monotonicMs() - startedMs;
    if (count >= fleet.plan.servers || ms > timeoutMs) return {ms, count};
    fleet.signal.throwIfAborted();
    if (clock.monotonicMs() >= wordMs) {
      wordMs += startWordMs;
      say(`    ${count} of ${fleet.plan.servers} connected after ${Math.round(ms / 1000)} s`);
    }
    await sleep(clock, 100);
  }
}

export const startScenario: Scenario = {
  name: 'start',
  title: 'All servers start and connect at once',
  run: async (fleet, {say}) => {
    const {servers} = fleet.plan;
    const {clock} = fleet.platform;
    const startedMs = clock.monotonicMs();
    await fleet.startServers();
    const {count} = await connected(fleet, {timeoutMs: startTimeoutMsLeast + servers * startTimeoutMsEach, say});
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    const run = {seconds, expected: servers, answered: count, lost: servers - count, doubled: 0};
    return {runs: [run], notes: [`${Math.round(count / seconds)} servers a second`]};
  },
};

export const scenarios: readonly Scenario[] = [
  {
    name: 'discovery',
    title: 'Discovery: choria find',
    run: (fleet, pace) =>
      repeat(pace, async () => {
        const result = await fleet.command(['find']);
        const names = result.stdout.split('\n').filter((line) => line !== '');
        return {seconds: result.wallMs / 1000, ...countAnswers(names, fleet.plan.servers)};
      }),
  },
  {
    name: 'ping',
    title: 'choria ping, last answer',
    goals: {1000: 0.25, 8000: 1.5, 50_000: 10},
    run: async (fleet, pace) => {
      let outcome: ScenarioOutcome = {runs: []};
      const extra = await extraReplies(fleet, fleet.plan.servers * pace.runs, async () => {
        outcome = await pings(fleet, pace);
      });
      return withFailure(outcome, extra > 0 && `the servers sent ${extra} replies more than they were asked for`);
    },
  },
  {
    name: 'request',
    title: 'choria req rpcutil ping, discovery and request',
    goals: {1000: 0.8},
    run: (fleet, pace) => repeat(pace, () => oneRequest(fleet, [])),
  },
  {
    name: 'directed',
    title: 'choria req rpcutil ping, to every server by name',
    goals: {1000: 0.5},
    run: async (fleet, pace) => {
      const path = `${fleet.directory}/nodes.txt`;
      const names = Array.from({length: fleet.plan.servers}, (_, index) => nodeName(index));
      await fleet.platform.files.writeAtomic(path, `${names.join('\n')}\n`, {mode: 0o600});
      let outcome: ScenarioOutcome = {runs: []};
      const extra = await extraReplies(fleet, fleet.plan.servers * pace.runs, async () => {
        outcome = await repeat(pace, () => oneRequest(fleet, ['--nodes', path]));
      });
      return withFailure(outcome, extra > 0 && `${extra} requests ran twice`);
    },
  },
  {
    name: 'broadcast',
    title: 'One broadcast request through the library',
    run: async (fleet, pace) => {
      await using client = await openStudyClient(fleet);
      let times: number[] = [];
      const done = await repeat(pace, async () => {
        const names: string[] = [];
        times = [];
        const statistics = await client.perform(
          {
            agent: 'rpcutil',
            action: 'ping',
            data: {},
            kind: 'broadcast',
            filter: {...emptyFilter, agents: ['rpcutil']},
            timeoutMs: commandTimeoutMs / 2,
            signal: fleet.signal,
          },
          {
            reply: (reply) => {
              names.push(reply.sender);
              times.push(reply.arrivedAfterMs);
            },
          },
        );
        const counts = countAnswers(names, fleet.plan.servers);
        const percentiles = percentilesOf(times);
        return {
          seconds: (percentiles?.max ?? statistics.requestMs) / 1000,
          ...counts,
          doubled: counts.doubled + statistics.strays.duplicates,
          ...(percentiles === undefined ? {} : {percentiles}),
        };
      });
      return {...done, histogram: histogramOf(times, histogramBuckets)};
    },
  },
  {
    name: 'registration',
    title: 'Registration storm: further servers connect and publish their registration data',
    run: async (fleet) => registrationStorm(fleet),
  },
  {
    name: 'slow-readers',
    title: `choria ping beside ${slowReaders} clients that read nothing`,
    run: async (fleet, pace) => {
      const readers = [];
      for (let index = 0; index < slowReaders; index++) readers.push(await openPatiently(fleet));
      try {
        const outcome = await pings(fleet, pace);
        const cut = readers.filter((reader) => reader.isClosed()).length;
        return {
          ...outcome,
          notes: [`${cut} of ${slowReaders} were cut by the broker, the others still fit into its bounds`],
        };
      } finally {
        for (const reader of readers) reader.close();
      }
    },
  },
  {
    name: 'background',
    title: 'choria ping under a background load of requests',
    run: (fleet, pace) => underLoad(fleet, () => pings(fleet, pace)),
  },
  {
    name: 'reconnect',
    title: 'kill -9 of every broker: all servers come back',
    run: async (fleet, {say}) => {
      const {servers} = fleet.plan;
      await fleet.killBrokers();
      await fleet.restartBrokers();
      // What the emulators told last may be of before the end of the brokers.
      await sleep(fleet.platform.clock, 1_500);
      const {ms, count} = await connected(fleet, {
        timeoutMs: settleTimeoutMsLeast + servers * settleTimeoutMsEach,
        say,
      });
      const ping = await onePing(fleet);
      const back = {seconds: ms / 1000 + 1.5, expected: servers, answered: count, lost: servers - count, doubled: 0};
      return {runs: [back, ping.run], notes: ['The second run is a ping right after it.']};
    },
  },
];

/** A broker that has just said goodbye to thousands may be too busy for the first try. */
async function openPatiently(fleet: StudyFleet): ReturnType<typeof openSlowReader> {
  for (let tries = slowReaderTries; ; tries--) {
    try {
      return await openSlowReader(fleet, 'mcollective.>');
    } catch (error) {
      if (tries <= 1) throw error;
      await sleep(fleet.platform.clock, 2_000, {signal: fleet.signal});
    }
  }
}

function withFailure(outcome: ScenarioOutcome, failure: string | false): ScenarioOutcome {
  return failure === false ? outcome : {...outcome, failures: [...(outcome.failures ?? []), failure]};
}

function nodeName(index: number): string {
  return `node-${String(index).padStart(6, '0')}.example.net`;
}

async function registrationStorm(fleet: StudyFleet): Promise<ScenarioOutcome> {
  const {clock} = fleet.platform;
  const servers = Math.min(fleet.plan.servers, registrationServersMax);
  const config = await fleet.writeEmulatorConfig('registering.conf', [
    'registration = inventory_content',
    'registerinterval = 3600',
    'registration_splay = false',
    'plugin.choria.registration.inventory_content.compression = false',
    'plugin.choria.registration.inventory_content.target = mcollective.broadcast.agent.registration',
  ]);
  const connection = await openStudyConnection(fleet);
  const names: string[] = [];
  connection.subscribe('mcollective.broadcast.agent.registration', ({payload}) => {
    const sender = peekTransportSender(payload);
    if (sender?.startsWith('registering-') === true) names.push(sender);
  });
  await connection.flush({timeoutMs: registrationTimeoutMs});
  const startedMs = clock.monotonicMs();
  const emulator = await fleet.startEmulator({
    part: 'registering servers',
    config,
    servers,
    processes: Math.max(1, Math.ceil((fleet.plan.processes * servers) / fleet.plan.servers)),
    identity: 'registering-{n:6}.example.net',
  });
  try {
    const endMs = startedMs + registrationTimeoutMs + servers * startTimeoutMsEach;
    while (new Set(names).size < servers && clock.monotonicMs() < endMs) await sleep(clock, 200);
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    // What would come twice would come soon.
    await sleep(clock, 1_000);
    return {
      runs: [{seconds, ...countAnswers(names, servers)}],
      notes: [`${servers} servers, ${Math.round(servers / seconds)} registrations a second, connections included`],
    };
  } finally {
    await emulator.stop();
    await connection.close();
  }
}

/** A few operators who ask some nodes for their facts, over and over. */
async function underLoad(fleet: StudyFleet, run: () => Promise<ScenarioOutcome>): Promise<ScenarioOutcome> {
  const stop = new AbortController();
  const {clock, random} = fleet.platform;
  const {servers} = fleet.plan;
  const counts = {requests: 0, answers: 0, silent: 0};
  await using client = await openStudyClient(fleet);
  const operator = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const targets = [
        ...new Set(Array.from({length: backgroundTargets}, () => nodeName(Math.floor(random.float() * servers)))),
      ];
      const statistics = await client.perform({
        agent: 'rpcutil',
        action: 'get_fact',
        data: {fact: 'number'},
        kind: 'direct',
        targets,
        timeoutMs: commandTimeoutMs / 2,
      });
      counts.requests++;
      counts.answers += statistics.responses;
      counts.silent += statistics.noResponses.length;
      await sleep(clock, 20);
    }
  };
  const operators = Promise.all(Array.from({length: backgroundRequests}, operator));
  let outcome: ScenarioOutcome;
  const startedMs = clock.monotonicMs();
  try {
    outcome = await run();
  } finally {
    stop.abort();
    await operators;
  }
  const seconds = (clock.monotonicMs() - startedMs) / 1000;
  const loaded = {
    ...outcome,
    notes: [
      `Beside it ${Math.round(counts.requests / seconds)} requests a second to ${backgroundTargets} servers each, ${counts.answers} answers`,
    ],
  };
  return withFailure(loaded, counts.silent > 0 && `${counts.silent} answers of the background load were lost`);
}
