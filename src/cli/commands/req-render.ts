/** Turns the results of a request into one of its output forms. */
import type {Aggregation} from '../../ddl/index.ts';
import type {ActionDdl, AgentDdl} from '../../ddl/types.ts';
import {compactJson, jsonMembers} from '../../lib/json-text.ts';
import type {NodeReply, RequestStatistics} from '../../rpc/index.ts';
import type {Paint} from '../render/colour.ts';
import {inertJson, inertLine} from '../render/inert.ts';
import {renderTable} from '../render/table.ts';
import type {ParsedArguments} from '../types.ts';
import {isGiven, textFlag} from './network.ts';
import {jsonLines, resultDocument} from './req-documents.ts';
import {footerText} from './req-footer.ts';
import type {Output, OutputMode} from './req-output.ts';
import {displayMode, isShown, labelOf, replyDataText, replyText, summariesText, valueText} from './req-text.ts';

export interface Results {
  readonly parsed: ParsedArguments;
  readonly mode: OutputMode;
  readonly ddl: AgentDdl;
  readonly action: ActionDdl;
  readonly replies: readonly NodeReply[];
  readonly aggregation: Aggregation;
  readonly statistics: RequestStatistics;
  readonly output: Output;
  readonly paint: Paint;
  readonly statusPaint: Paint;
}

export function renderResults(results: Results): void {
  switch (results.mode) {
    case 'senders':
      renderSenders(results);
      return;
    case 'json':
      renderDocument(results);
      return;
    case 'jsonl':
      renderLines(results);
      return;
    case 'table':
      renderReplyTable(results);
      return;
    case 'text':
      renderText(results);
  }
}

function renderSenders({parsed, replies, output}: Results): void {
  const names = replies.filter((reply) => reply.statusCode === 0).map((reply) => reply.sender);
  if (isGiven(parsed, 'json')) output.write(`${inertJson(JSON.stringify(names, null, 2))}\n`);
  else output.write(names.map((name) => `${inertLine(name)}\n`).join(''));
}

function renderDocument({parsed, ddl, action, replies, statistics, aggregation, output}: Results): void {
  const summaries = aggregation.results().json;
  output.write(
    resultDocument({
      agent: ddl.metadata.name,
      action: action.name,
      replies,
      statistics,
      summaries,
      explains: isGiven(parsed, 'verbose'),
    }),
  );
}

function renderLines({parsed, replies, statistics, aggregation, output}: Results): void {
  for (const reply of replies) output.write(jsonLines.reply(reply));
  output.write(jsonLines.summaries(aggregation.results().json));
  output.write(jsonLines.statistics(statistics, {explains: isGiven(parsed, 'verbose')}));
}

function renderReplyTable({action, replies, output}: Results): void {
  const names = [...action.outputs.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const rows = replies
    .filter((reply) => reply.statusCode === 0)
    .map((reply) => {
      const members = jsonMembers(replyDataText(reply));
      return [reply.sender, ...names.map((name) => cellText(members.get(name)))];
    });
  output.write(`${renderTable({headers: ['Sender', ...names.map((name) => labelOf(name, action))], rows})}\n`);
}

function cellText(json: string | undefined): string {
  if (json === undefined) return '';
  return json.startsWith('{') || json.startsWith('[') ? compactJson(json) : valueText(json, 0);
}

function renderText(results: Results): void {
  const {parsed, action, replies, aggregation, statistics, output, paint, statusPaint} = results;
  const verbose = isGiven(parsed, 'verbose');
  const mode = displayMode(textFlag(parsed, 'display'), action);
  for (const reply of replies) {
    if (isShown(mode, reply.statusCode)) output.write(replyText(reply, {action, verbose, paint, statusPaint}));
  }
  output.write(summariesText(aggregation, {action, paint}));
  output.write(footerText(statistics, {verbose, paint}));
}
