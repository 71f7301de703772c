/** Sends one ping and tells who answered, and how fast (cli.md 3.1). */
import {ClientError, type PingResult} from '../../client/index.ts';
import {drawChart} from '../../lib/ascii-chart.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {checkWorkers, filterFlagsOf, isGiven, noteCompleteness, numberFlag, textFlag, withClient} from './network.ts';

const bucketMs = 50;

export async function runPing(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout, platform, signal} = context;
  checkWorkers(parsed);
  return withClient(context, parsed, async (command) => {
    const {client} = command;
    const isNames = isGiven(parsed, 'names');
    const isSilent = isGiven(parsed, 'silent');
    const seconds = numberFlag(parsed, 'timeout');
    const result = await client.ping({
      filter: filterFlagsOf(parsed),
      collective: textFlag(parsed, 'target'),
      timeoutMs: seconds === undefined || seconds <= 0 ? undefined : seconds * 1_000,
      expect: numberFlag(parsed, 'expect'),
      signal,
      onAnswer: (identity, elapsedMs) => {
        const name = inertLine(identity);
        if (isNames) stdout.write(`${name}\n`);
        else if (!isSilent) stdout.write(`${name.padEnd(40)} time=${Math.floor(elapsedMs)} ms\n`);
      },
    });
    // Whoever asked for a number of answers, or stopped, knows that there may be more.
    if (numberFlag(parsed, 'expect') === undefined && !signal.aborted) noteCompleteness(command, result);
    if (isNames) return 0;
    stdout.write(`${isSilent ? '' : '\n\n'}---- ping statistics ----\n`);
    if (result.answers.length === 0) throw new ClientError('ERR_CLIENT_NO_NODES', 'no responses received');
    const sinceStartMs = platform.clock.nowMs() - context.startedAtMs;
    const overheadMs = sinceStartMs - (platform.clock.monotonicMs() - result.publishedAtMs);
    stdout.write(`${statisticsLine(result, Math.max(0, overheadMs))}\n`);
    if (isGiven(parsed, 'graph')) stdout.write(`\n${graph(result)}\n\n`);
    return 0;
  });
}

function statisticsLine(result: PingResult, overheadMs: number): string {
  const times = result.answers.map((answer) => answer.elapsedMs);
  const sum = times.reduce((total, time) => total + time, 0);
  const max = times.reduce((most, time) => Math.max(most, time), 0);
  const min = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  const ms = (value: number): string => roundedMs(value);
  return `${times.length} replies max: ${ms(max)} min: ${ms(min)} avg: ${ms(sum / times.length)} overhead: ${ms(overheadMs)}`;
}

/** Whole ms as Go prints them: `24ms`, `1.402s`. */
function roundedMs(value: number): string {
  const whole = Math.round(value);
  if (whole === 0) return '0s';
  return whole < 1_000 ? `${whole}ms` : `${whole / 1_000}s`;
}

/** How many answers came in each span of 50 ms, from the first to the last that had any. */
function graph(result: PingResult): string {
  const counts: number[] = [];
  for (const {elapsedMs} of result.answers) {
    const bucket = Math.floor(elapsedMs / bucketMs);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  const series = Array.from(counts, (count: number | undefined) => count ?? 0);
  return drawChart(series, {caption: 'Responses per 50ms'});
}
