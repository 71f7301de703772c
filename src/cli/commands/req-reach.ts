/** How far a request reaches: ceilings, quorum, the question before, and steps (docs/guides/safe-reach.md). */
import {
  ceilingFor,
  ClientError,
  clientStateDirectory,
  type Discovered,
  loadRamp,
  mayChange,
  planRamp,
  quorumOf,
  type RampPlan,
  rampPath,
  type RampRecord,
  runRamp,
} from '../../client/index.ts';
import type {ActionDdl, AgentDdl} from '../../ddl/types.ts';
import type {BatchProgress, RequestStatistics} from '../../rpc/index.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {isGiven, type NetworkCommand, numberFlag, textFlag} from './network.ts';

export interface ReachJob {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly command: NetworkCommand;
  readonly ddl: AgentDdl;
  readonly action: ActionDdl;
}

/** Everything that is decided before the first message. */
export interface Reach {
  readonly targets: readonly string[];
  /** Undefined: all at once. */
  readonly plan: RampPlan | undefined;
  /** The file to go on from. */
  readonly resumed: {readonly path: string; readonly record: RampRecord} | undefined;
}

const reachFlags = ['plan', 'canary', 'ramp', 'stop-on-failures', 'quorum', 'max-nodes', 'resume'];
const notWithResume = [
  'canary',
  'ramp',
  'limit',
  'nodes',
  'wf',
  'wc',
  'wa',
  'wi',
  'with',
  'select',
  'target',
  'dm',
  'plan',
];

/** Combinations that make no sense are said before anything is discovered. */
export function checkReachFlags({parsed, ddl}: Pick<ReachJob, 'parsed' | 'ddl'>): void {
  const given = reachFlags.filter((name) => parsed.given.has(name));
  const first = given[0];
  if (first === undefined) return;
  if (ddl.metadata.service) {
    throw reachError(`Cannot use --${first} with ${ddl.metadata.name}: it is a service, of which one instance answers`);
  }
  if (parsed.given.has('reply-to')) {
    throw reachError(`Cannot use --${first} with --reply-to: the answers are not seen here`);
  }
  const clash = parsed.given.has('resume') ? notWithResume.find((name) => parsed.given.has(name)) : undefined;
  if (clash !== undefined) {
    throw reachError(`Cannot use --${clash} with --resume: who is asked, and in which steps, is in the file`);
  }
  const stages = ['canary', 'ramp', 'resume', 'batch'];
  if (parsed.given.has('stop-on-failures') && !stages.some((name) => parsed.given.has(name))) {
    throw reachError(
      'Cannot use --stop-on-failures alone: it stops between steps or batches, so give --canary, --ramp or --batch too',
    );
  }
}

function reachError(message: string): ClientError {
  return new ClientError('ERR_CLIENT_REACH', message);
}

/** The nodes and steps of a ramp that goes on; undefined without `--resume`. */
export async function resumedReach(job: ReachJob): Promise<Reach | undefined> {
  const {context, parsed, ddl, action} = job;
  const path = textFlag(parsed, 'resume');
  if (path === undefined) return undefined;
  const record = await loadRamp(context.platform.files, path);
  const asked = `${ddl.metadata.name}#${action.name}`;
  if (record.agent !== ddl.metadata.name || record.action !== action.name) {
    throw new ClientError(
      'ERR_CLIENT_RAMP_FILE',
      `Cannot resume from ${JSON.stringify(path)}: it is of ${record.agent}#${record.action}, not of ${asked}`,
    );
  }
  const stopOnFailures = textFlag(parsed, 'stop-on-failures');
  // There is nothing to ask a person about.
  if (record.asked >= record.plan.targets.length) {
    await runRamp(record, {files: context.platform.files, path, request: () => Promise.reject(new Error(path))});
  }
  const stop = stopOnFailures === undefined ? record.plan.stop : planRamp(['any'], {stopOnFailures}).stop;
  const plan = {...record.plan, stop};
  return {targets: plan.targets.slice(record.asked), plan, resumed: {path, record: {...record, plan}}};
}

/** Steps as the flags say. */
export function plannedReach({parsed}: Pick<ReachJob, 'parsed'>, targets: readonly string[]): Reach {
  const flags = {
    canary: textFlag(parsed, 'canary'),
    ramp: textFlag(parsed, 'ramp'),
    stopOnFailures: textFlag(parsed, 'stop-on-failures'),
  };
  const isRamp = Object.values(flags).some((flag) => flag !== undefined);
  return {targets, plan: isRamp ? planRamp(targets, flags) : undefined, resumed: undefined};
}

/**
 * Refuses what reaches too far, asks the person where that is configured, and pings for the quorum; in this order, so that
 * nobody is asked for a request that is refused anyway.
 */
export async function admitReach(job: ReachJob, reach: Reach): Promise<void> {
  const {parsed, command} = job;
  const count = reach.targets.length;
  const what = requestName(job);
  const ceiling = ceilingFor(command.config, {
    callerId: await command.client.callerId(),
    maxNodes: numberFlag(parsed, 'max-nodes'),
  });
  if (ceiling !== undefined && count > ceiling.nodes) {
    throw reachError(`Cannot send ${what} to ${count} nodes: ${ceiling.source} allows ${ceiling.nodes}`);
  }
  await askPerson(job, count);
  await checkQuorum(job, reach.targets);
}

function requestName({ddl, action}: Pick<ReachJob, 'ddl' | 'action'>): string {
  return `${ddl.metadata.name}#${action.name}`;
}

async function askPerson(job: ReachJob, count: number): Promise<void> {
  const {context, parsed, command, ddl, action} = job;
  const above = command.config.get('plugin.choria.client.confirm_above');
  if (above <= 0 || count <= above || isGiven(parsed, 'yes') || !mayChange(ddl, action)) return;
  const what = `${requestName(job)}, which may change things, to ${count} nodes`;
  const {stdin, stderr} = context;
  if (stdin.readLine === undefined || !stderr.isTerminal) {
    throw reachError(
      `Cannot send ${what} without asking, and there is nobody to ask: give --yes, or raise plugin.choria.client.confirm_above from ${above}`,
    );
  }
  stderr.write(`Send ${inertLine(what)}? [y/N] `);
  const answer = ((await stdin.readLine({isSecret: false})) ?? '').trim().toLowerCase();
  if (answer !== 'y' && answer !== 'yes') throw new CliError('ERR_CLI_FAILED', 'nothing was sent');
}

async function checkQuorum(job: ReachJob, targets: readonly string[]): Promise<void> {
  const {context, parsed, command} = job;
  const quorum = textFlag(parsed, 'quorum');
  if (quorum === undefined) return;
  const wanted = quorumOf(quorum, targets.length);
  const ddl = await command.client.describe('rpcutil');
  const {responses} = await command.client.perform({
    agent: 'rpcutil',
    action: 'ping',
    data: {},
    targets,
    collective: textFlag(parsed, 'target'),
    timeoutMs: command.client.requestTimeoutMs(ddl),
    signal: context.signal,
  });
  if (responses >= wanted) return;
  throw reachError(
    `Cannot send ${requestName(job)}: ${responses} of ${targets.length} nodes answered a ping, --quorum ${quorum} needs ${wanted}`,
  );
}

/** Sends to all at once, or step by step. */
export async function sendReach(
  job: ReachJob,
  reach: Reach,
  request: (
    targets: readonly string[],
    mayContinue?: (progress: BatchProgress) => boolean,
  ) => Promise<RequestStatistics>,
): Promise<{readonly statistics: RequestStatistics; readonly isWhole: boolean}> {
  const {context, parsed, command, ddl, action} = job;
  const {plan, resumed, targets} = reach;
  if (plan === undefined) return {statistics: await request(targets), isWhole: true};
  const {files, random, clock} = context.platform;
  const directory = clientStateDirectory(command.config, context.platform);
  if (directory === undefined && resumed === undefined) {
    throw new ClientError(
      'ERR_CLIENT_RAMP_FILE',
      'Cannot ramp: there is no place for the file from which it could be resumed; set plugin.choria.client.state_directory',
    );
  }
  const path = resumed?.path ?? rampPath(directory ?? '', random.bytes(8).toString('hex'));
  const record: RampRecord = resumed?.record ?? {
    agent: ddl.metadata.name,
    action: action.name,
    collective: textFlag(parsed, 'target') ?? command.config.get('main_collective'),
    startedAtMs: clock.nowMs(),
    plan,
    asked: 0,
  };
  const {state, statistics} = await runRamp(record, {
    files,
    path,
    request,
    started: (step) => {
      if (command.isVerbose) command.note(`Step ${step.number} of ${step.total}: ${step.targets.length} nodes`);
    },
  });
  if (state.status !== 'finished') {
    const why = state.status === 'stopped' ? `${state.failures} failed or were silent` : 'it was interrupted';
    command.note(
      `The ramp ended after ${state.asked} of ${plan.targets.length} nodes: ${why}. The same command with --resume ${path} goes on`,
    );
  }
  return {statistics, isWhole: state.status === 'finished'};
}

const namesShownMax = 20;

/** What would be sent, for `--plan`. */
export function planText(job: ReachJob, reach: Reach & {readonly found: Discovered}): string {
  const {found, targets, plan} = reach;
  const facts = planFacts(job, reach);
  const rows: readonly (readonly [string, string])[] = [
    ['Collective', facts.collective],
    ['Filter', facts.filter ?? 'none, every node of the collective'],
    [
      'Nodes',
      `${targets.length} of ${found.identities.length} discovered${found.complete ? '' : ', there may be more'}`,
    ],
    ['May change things', facts.mayChange ? 'yes' : 'no'],
    ['Steps', plan === undefined ? 'all at once' : plan.steps.join(', ')],
    ...(facts.stop === undefined ? [] : [['Stops', `when ${facts.stop} failed or were silent`] as const]),
  ];
  const lines = rows.map(([label, value]) => `${label.padStart(20)}: ${inertLine(value)}\n`);
  const names = targets.slice(0, namesShownMax).map((name) => `    ${inertLine(name)}\n`);
  const more = targets.length > namesShownMax ? `    and ${targets.length - namesShownMax} more\n` : '';
  return `Plan for ${requestName(job)}, nothing is sent:\n\n${lines.join('')}\n${names.join('')}${more}`;
}

export function planDocument(job: ReachJob, reach: Reach & {readonly found: Discovered}): string {
  const {found, targets, plan} = reach;
  const facts = planFacts(job, reach);
  const model = {
    agent: job.ddl.metadata.name,
    action: job.action.name,
    collective: facts.collective,
    filter: facts.filter ?? null,
    may_change: facts.mayChange,
    discovered: found.identities.length,
    complete: found.complete,
    steps: plan?.steps ?? [targets.length],
    stop_on_failures: facts.stop ?? null,
    targets,
  };
  return `${JSON.stringify(model, null, 2)}\n`;
}

function planFacts({parsed, command, ddl, action}: ReachJob, {plan}: Pick<Reach, 'plan'>) {
  const stop = plan?.stop;
  return {
    collective: textFlag(parsed, 'target') ?? command.config.get('main_collective'),
    filter: filterText(parsed),
    mayChange: mayChange(ddl, action),
    stop: stop === undefined ? undefined : `${stop.value}${stop.isPercent ? '%' : ''}`,
  };
}

const filterFlagNames: readonly (readonly [string, string])[] = [
  ['nodes', '--nodes'],
  ['wf', '-F'],
  ['wc', '-C'],
  ['wa', '-A'],
  ['wi', '-I'],
  ['with', '-W'],
  ['select', '-S'],
  ['limit', '--limit'],
];

/** The flags that chose the nodes, as they were given; undefined when there were none. */
function filterText(parsed: ParsedArguments): string | undefined {
  const parts = filterFlagNames.flatMap(([name, flag]) => {
    const value = parsed.flags[name];
    const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
    return texts
      .filter((text): text is string => typeof text === 'string' && text !== '')
      .map((text) => `${flag} ${text}`);
  });
  return parts.length === 0 ? undefined : parts.join(' ');
}
