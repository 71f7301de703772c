/**
 * Explains silence: of a node, by asking it and the broker now and by what is remembered of earlier requests; of a request, by
 * what is remembered of it.
 */
import {
  ClientError,
  clientStateDirectory,
  createRequestRecords,
  type NodeTrouble,
  type RequestRecord,
  type RequestRecords,
  troubleOf,
} from '../../client/index.ts';
import {isIdentity} from '../../discovery/index.ts';
import {isJsonObject, jsonField} from '../../lib/json.ts';
import {describeSilence, type NodeReply} from '../../rpc/index.ts';
import {inertJson, inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {isGiven, type NetworkCommand, textFlag, withClient} from './network.ts';

const agent = 'rpcutil';
const action = 'ping';
const recordsShownMax = 10;
/** A request id of either protocol version. */
const requestIdForm = /^(?:[0-9a-f]{32}|[0-9A-Za-z]{27})$/;

export async function runWhy(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const given = parsed.arguments['subject'];
  const subject = typeof given === 'string' ? given : '';
  return withClient(context, parsed, async (command) => {
    const directory = clientStateDirectory(command.config, context.platform);
    const records =
      directory === undefined ? undefined : createRequestRecords({files: context.platform.files, directory});
    if (subject === '' || requestIdForm.test(subject)) return explainRequest({context, parsed, records, subject});
    if (isIdentity(subject)) return explainNode({context, parsed, records, subject}, command);
    throw new ClientError(
      'ERR_CLIENT_INPUT',
      `Cannot explain ${JSON.stringify(subject)}: it is neither the name of a node nor the id of a request`,
    );
  });
}

interface Question {
  readonly context: CliContext;
  readonly parsed: ParsedArguments;
  readonly records: RequestRecords | undefined;
  readonly subject: string;
}

async function explainRequest({context, parsed, records, subject}: Question): Promise<number> {
  const record = subject === '' ? (await records?.list())?.[0] : await records?.find(subject);
  if (record === undefined) {
    const what = subject === '' ? 'any request' : `the request ${subject}`;
    throw new ClientError(
      'ERR_CLIENT_INPUT',
      `Nothing is remembered of ${what}: all its nodes answered well, or it is not one of the last requests of this user`,
    );
  }
  if (isGiven(parsed, 'json')) {
    context.stdout.write(`${inertJson(JSON.stringify(recordModel(record), null, 2))}\n`);
    return 0;
  }
  const {ok, failed, targets, troubles, troubleCount} = record;
  const lines = troubles.map((trouble) => `    ${troubleLine(trouble)}\n`);
  const more = troubleCount > troubles.length ? `    and ${troubleCount - troubles.length} more\n` : '';
  const doubt = record.knowsConnected ? '' : '\nThe broker did not tell who was connected.\n';
  context.stdout.write(
    `${heading(record)}: ${ok + failed} of ${targets} nodes answered, ${ok} of them OK\n\n${lines.join('')}${more}${doubt}`,
  );
  return 0;
}

function heading(record: RequestRecord): string {
  const time = `${new Date(record.startedAtMs).toISOString().slice(0, 19)}Z`;
  return inertLine(`${time} ${record.requestId} ${record.agent}#${record.action}`);
}

function troubleLine({identity, words}: NodeTrouble): string {
  return inertLine(`${identity} ${words}`);
}

async function explainNode({context, parsed, records, subject}: Question, command: NetworkCommand): Promise<number> {
  const now = await askNow(command, {
    node: subject,
    collective: textFlag(parsed, 'target'),
    signal: context.signal,
    nowMs: () => context.platform.clock.nowMs(),
  });
  const earlier = ((await records?.list()) ?? [])
    .flatMap((record) => {
      const trouble = record.troubles.find(({identity}) => identity === subject);
      return trouble === undefined ? [] : [{record, trouble}];
    })
    .slice(0, recordsShownMax);
  const versions = await agentVersions(command, {
    node: subject,
    agents: earlier.filter(({trouble}) => versionReasons.has(trouble.reason)).map(({record}) => record.agent),
    signal: context.signal,
    isReachable: now.reason === 'ok',
  });
  if (isGiven(parsed, 'json')) {
    const model = {
      node: subject,
      now: {reason: now.reason, description: now.words},
      ...(versions.length === 0 ? {} : {agents: versions}),
      requests: earlier.map(({record, trouble}) => ({
        ...requestModel(record),
        reason: trouble.reason,
        description: trouble.words,
      })),
    };
    context.stdout.write(`${inertJson(JSON.stringify(model, null, 2))}\n`);
    return 0;
  }
  const lines = earlier.map(({record, trouble}) => `    ${heading(record)}: ${inertLine(trouble.words)}\n`);
  const before = lines.length === 0 ? '' : `\nIn earlier requests it:\n\n${lines.join('')}`;
  const differing = versions.map((entry) => `    ${inertLine(versionText(entry))}\n`);
  const agents = differing.length === 0 ? '' : `\nIts agents:\n\n${differing.join('')}`;
  context.stdout.write(`${troubleLine(now)}\n${before}${agents}`);
  return 0;
}

/** Reasons that another version of an agent can have. */
const versionReasons: ReadonlySet<string> = new Set(['other-agent-version', 'inputs-refused']);

interface AgentVersion {
  readonly agent: string;
  /** Of the description that requests are made by. */
  readonly here: string;
  /** Absent: the node does not have the agent, or did not say. */
  readonly there?: string;
}

function versionText({agent: name, here, there}: AgentVersion): string {
  return there === undefined
    ? `${name}: it does not have it or did not say; the description here is of version ${here}`
    : `${name}: version ${there} there, the description here is of version ${here}`;
}

/** Asks the node which versions it has of the agents that its earlier answers raise a doubt about. */
async function agentVersions(
  {client}: NetworkCommand,
  question: {
    readonly node: string;
    readonly agents: readonly string[];
    readonly signal: AbortSignal;
    readonly isReachable: boolean;
  },
): Promise<readonly AgentVersion[]> {
  const names = [...new Set(question.agents)];
  if (names.length === 0 || !question.isReachable) return [];
  const {node, signal} = question;
  const there = new Map<string, string>();
  for await (const reply of client.request(agent, 'agent_inventory', {}, {targets: [node], signal})) {
    const entries: unknown = isJsonObject(reply.data) ? jsonField(reply.data, 'agents') : undefined;
    for (const entry of Array.isArray(entries) ? entries.filter(isJsonObject) : []) {
      const [name, version] = [jsonField(entry, 'agent'), jsonField(entry, 'version')];
      if (typeof name === 'string' && typeof version === 'string') there.set(name, version);
    }
  }
  return Promise.all(
    names.map(async (name) => {
      const {metadata} = await client.describe(name);
      const version = there.get(name);
      return {agent: name, here: metadata.version, ...(version === undefined ? {} : {there: version})};
    }),
  );
}

/** Clocks this far apart make requests expire before they arrive. */
const clockWarningMs = 10_000;

async function askNow(
  {client}: NetworkCommand,
  question: {
    readonly node: string;
    readonly collective: string | undefined;
    readonly signal: AbortSignal;
    readonly nowMs: () => number;
  },
): Promise<NodeTrouble> {
  const {node, collective, signal, nowMs} = question;
  const ddl = await client.describe(agent);
  let answer: {readonly reply: NodeReply; readonly atMs: number} | undefined;
  const statistics = await client.perform(
    {
      agent,
      action,
      data: {},
      targets: [node],
      collective,
      timeoutMs: client.requestTimeoutMs(ddl),
      explain: true,
      signal,
    },
    {
      reply: (reply) => {
        answer = {reply, atMs: nowMs()};
      },
    },
  );
  const [silence] = statistics.silences;
  if (silence !== undefined) return {identity: node, reason: silence.reason, words: describeSilence(silence)};
  if (answer === undefined) return {identity: node, reason: 'unknown', words: 'was not asked to the end'};
  const {reply, atMs} = answer;
  if (reply.statusCode !== 0) return troubleOf(reply);
  const aheadMs = reply.sentAtMs - atMs;
  const clock =
    Math.abs(aheadMs) < clockWarningMs
      ? ''
      : `; its clock is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this one`;
  return {identity: node, reason: 'ok', words: `answers, in ${Math.round(reply.arrivedAfterMs)} ms${clock}`};
}

function requestModel(record: RequestRecord): Readonly<Record<string, unknown>> {
  return {
    requestid: record.requestId,
    agent: record.agent,
    action: record.action,
    collective: record.collective,
    start_time_utc: new Date(record.startedAtMs).toISOString(),
  };
}

function recordModel(record: RequestRecord): Readonly<Record<string, unknown>> {
  return {
    ...requestModel(record),
    discovered: record.targets,
    ok: record.ok,
    failed: record.failed,
    connections_known: record.knowsConnected,
    nodes: record.troubles.map(({identity, reason, words}) => ({sender: identity, reason, description: words})),
    nodes_total: record.troubleCount,
  };
}
