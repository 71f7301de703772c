/** Results as the classic client lays them out. */
import type {ActionDdl} from '../../../ddl/types.ts';
import type {NodeReply} from '../../../rpc/index.ts';
import {inert, inertLine} from '../../render/inert.ts';
import type {ClassicPaint} from '../style.ts';
import {rubyPretty} from './ruby-inspect.ts';

export type Display = 'ok' | 'failed' | 'always';

interface ResultOptions {
  readonly action: ActionDdl;
  readonly display: Display;
  readonly paint: ClassicPaint;
}

function isShown(statusCode: number, display: Display): boolean {
  if (display === 'always') return true;
  return display === 'ok' ? statusCode === 0 : statusCode > 0;
}

function statusText(code: number, paint: ClassicPaint): string {
  switch (code) {
    case 1:
      return paint.red('Request Aborted');
    case 2:
      return paint.yellow('Unknown Action');
    case 3:
      return paint.yellow('Missing Request Data');
    case 4:
      return paint.yellow('Invalid Request Data');
    case 5:
      return paint.red('Unknown Request Status');
    default:
      return '';
  }
}

function dataLines(data: unknown, action: ActionDdl): string {
  if (data === null || typeof data !== 'object' || Array.isArray(data)) {
    return `\n\t${rubyPretty(data).split('\n').join('\n\t')}`;
  }
  const entries = Object.entries(data).map(
    ([key, value]) => [inertLine(action.outputs.get(key)?.displayAs || key), key, value] as const,
  );
  const width = Math.max(0, ...entries.map(([label]) => label.length));
  return entries
    .toSorted(([, a], [, b]) => (a < b ? -1 : 1))
    .map(([label, , value]) => {
      const head = `${' '.repeat(width - label.length + 3)}${label}:`;
      const pad = ' '.repeat(width + 5);
      if (typeof value !== 'string' && typeof value !== 'number') {
        return `${head} ${rubyPretty(value).split('\n').join(`\n${pad}`)}\n`;
      }
      const lines = inert(String(value)).split('\n');
      while (lines.at(-1) === '') lines.pop();
      return lines.length === 0 ? `${head}\n` : `${head} ${lines.join(`\n${pad}`)}\n`;
    })
    .join('');
}

function oneResult(reply: NodeReply, {action, paint}: ResultOptions): string {
  const head = `${inertLine(reply.sender).padEnd(40)} ${statusText(reply.statusCode, paint)}\n`;
  const message = reply.statusMessage === 'OK' ? '' : `   ${paint.yellow(inertLine(reply.statusMessage))}\n`;
  return `${head}${message}${reply.statusCode === 0 ? dataLines(reply.data, action) : ''}\n`;
}

/** Those that the display mode shows. */
export function classicResults(replies: readonly NodeReply[], options: ResultOptions): string {
  return replies
    .filter((reply) => isShown(reply.statusCode, options.display))
    .map((reply) => oneResult(reply, options))
    .join('');
}

/** With -v: every result, data as it is. */
export function verboseResults(replies: readonly NodeReply[]): string {
  return replies
    .map((reply) => {
      const head = `${inertLine(reply.sender).padEnd(40)}: ${inertLine(reply.statusMessage)}\n`;
      if (reply.statusCode > 4) return `${head}    ${inertLine(reply.statusMessage)}`;
      if (reply.statusCode > 1) return head;
      const lines = rubyPretty(reply.data, {symbols: true}).split('\n');
      return `${head}${lines.map((line) => `    ${line}`).join('')}\n\n`;
    })
    .join('');
}

/** One object a result, in one line where nobody watches. */
export function jsonResults(
  replies: readonly NodeReply[],
  options: {readonly agent: string; readonly action: string; readonly isTerminal: boolean},
): string {
  const {agent, action, isTerminal} = options;
  const documents = replies.map((reply) => ({
    agent,
    action,
    sender: reply.sender,
    statuscode: reply.statusCode,
    statusmsg: reply.statusMessage,
    data: reply.data,
  }));
  return JSON.stringify(documents, null, isTerminal ? 2 : 0);
}
