/** The last line of a command that failed, in the two forms that people and scripts know (cli.md 1.1). */
import type {CliContext, TextSink} from './types.ts';
import {colours} from './render/colour.ts';
import {inertJson, inertLine} from './render/inert.ts';

const messageColumns = 44;

/** RFC3339 in UTC, whole seconds. */
function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

/** Writes one log line in text form, as logrus does: coloured and padded on a terminal, key=value elsewhere. */
export function writeLogLine(
  context: CliContext,
  sink: TextSink,
  line: {readonly level: 'fatal' | 'error' | 'info' | 'warning'; readonly message: string},
): void {
  const nowMs = context.platform.clock.nowMs();
  if (!sink.isTerminal) {
    sink.write(`time="${timestamp(nowMs)}" level=${line.level} msg=${inertJson(JSON.stringify(line.message))}\n`);
    return;
  }
  const paint = colours({sink, env: context.platform.env});
  const label = line.level.toUpperCase().slice(0, 4);
  const shown = line.level === 'fatal' || line.level === 'error' ? paint.red(label) : paint.yellow(label);
  const seconds = String(Math.max(0, Math.floor((nowMs - context.startedAtMs) / 1000))).padStart(4, '0');
  sink.write(`${shown}[${seconds}] ${inertLine(line.message).padEnd(messageColumns)} \n`);
}
