/** The JSON documents of a request: one at the end (`--json`) or one a line (`--jsonl`). Shapes: client.md 6. */
import {compactJson, escapeJsonLikeGo, goJson, indentJson} from '../../lib/json-text.ts';
import {replyToJson} from '../../protocol/index.ts';
import {describeSilence, type NodeReply, type RequestStatistics} from '../../rpc/index.ts';
import {inertJson} from '../render/inert.ts';
import {nanoseconds} from './req-footer.ts';
import {replyDataText} from './req-text.ts';

const indent = '   ';

interface ResultDocument {
  readonly agent: string;
  readonly action: string;
  readonly replies: readonly NodeReply[];
  readonly statistics: RequestStatistics;
  readonly summaries: Readonly<Record<string, unknown>>;
  /** Adds why nodes were silent. */
  readonly explains: boolean;
}

/** The whole result. Outputs stand as the nodes wrote them: order of keys and long numbers survive. */
export function resultDocument(result: ResultDocument): string {
  const members = [
    `"agent":${goJson(result.agent)}`,
    `"action":${goJson(result.action)}`,
    `"replies":[${result.replies.map((reply) => `{"sender":${goJson(reply.sender)},${replyMembers(reply)}}`).join(',')}]`,
    `"request_stats":${goJson(statisticsModel(result.statistics, result))}`,
    `"summaries":${goJson(result.summaries)}`,
  ];
  return `${inertJson(indentJson(`{${members.join(',')}}`, {indent}))}\n`;
}

function replyMembers(reply: NodeReply): string {
  return [
    `"action":${goJson(reply.action)}`,
    `"statuscode":${reply.statusCode}`,
    `"statusmsg":${goJson(reply.statusMessage)}`,
    `"data":${escapeJsonLikeGo(replyDataText(reply))}`,
  ]
    .concat([`"time_utc":${goJson(utcSeconds(reply.sentAtMs))}`])
    .join(',');
}

function utcSeconds(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

/** The statistics with the names and units of the document; what was not counted is told only when there is any. */
export function statisticsModel(
  statistics: RequestStatistics,
  {explains}: {readonly explains: boolean},
): Readonly<Record<string, unknown>> {
  const {strays} = statistics;
  const hasStrays =
    strays.conflicts.length + strays.duplicates + strays.misattributed + strays.foreign + strays.invalid > 0;
  return {
    requestid: statistics.requestId,
    no_responses: statistics.noResponses,
    unexpected_responses: statistics.unexpectedResponses,
    discovered: statistics.discovered,
    failed: statistics.failed,
    ok: statistics.ok,
    responses: statistics.responses,
    publish_time: nanoseconds(statistics.publishMs),
    request_time: nanoseconds(statistics.requestMs),
    discover_time: nanoseconds(statistics.discoverMs),
    start_time_utc: utcFraction(statistics.startedAtMs),
    ...(hasStrays
      ? {
          uncounted: {
            conflicts: strays.conflicts,
            duplicates: strays.duplicates,
            misattributed: strays.misattributed,
            foreign: strays.foreign,
            invalid: strays.invalid,
          },
        }
      : {}),
    ...(explains ? reasonsModel(statistics) : {}),
    ...(statistics.interrupted ? {interrupted: true} : {}),
  };
}

function reasonsModel({silences, knowsConnected}: RequestStatistics): Readonly<Record<string, unknown>> {
  return {
    connections_known: knowsConnected,
    no_response_reasons: silences.map((silence) => ({
      sender: silence.identity,
      reason: silence.reason,
      description: describeSilence(silence),
    })),
  };
}

function utcFraction(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.?0*Z$/, 'Z');
}

/** One line of `--jsonl`. */
function line(json: string): string {
  return `${inertJson(json)}\n`;
}

export const jsonLines = {
  discoveryStart: (method: string): string => line(goJson({k: 'discovery', dm: method})),
  discoveryEnd: (found: {
    readonly count: number;
    readonly seconds: number;
    readonly method: string;
    /** Absent: not told. */
    readonly complete?: boolean;
  }): string =>
    line(
      goJson({
        k: 'discovery',
        count: found.count,
        dt: found.seconds,
        dm: found.method,
        ...(found.complete === undefined ? {} : {complete: found.complete}),
      }),
    ),
  reply: (reply: NodeReply): string =>
    line(
      `{"k":"result","pr":${escapeJsonLikeGo(replyToJson(reply.message))},"rr":{${compactJson(replyMembersLine(reply))}}}`,
    ),
  summaries: (summaries: Readonly<Record<string, unknown>>): string => line(goJson({k: 'summaries', agg: summaries})),
  statistics: (statistics: RequestStatistics, options: {readonly explains: boolean}): string =>
    line(goJson({k: 'stats', stat: statisticsModel(statistics, options)})),
  error: (message: string): string => line(goJson({k: 'error', err: message})),
} as const;

/** In lines the sender stands behind the data. */
function replyMembersLine(reply: NodeReply): string {
  return [
    `"action":${goJson(reply.action)}`,
    `"statuscode":${reply.statusCode}`,
    `"statusmsg":${goJson(reply.statusMessage)}`,
    `"data":${escapeJsonLikeGo(replyDataText(reply))}`,
    `"sender":${goJson(reply.sender)}`,
    `"time_utc":${goJson(utcSeconds(reply.sentAtMs))}`,
  ].join(',');
}
