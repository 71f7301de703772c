/** `choria broker rtt`: how long a PING takes to come back from each configured broker. */
import {connectTool, openToolSetup} from './broker-connection.ts';
import {resolveServers} from '../../connect/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {goDuration} from './go-duration.ts';
import {isGiven, numberFlag} from './network.ts';

interface Measured {
  readonly server: string;
  readonly roundTripsMs: readonly number[];
}

export async function runBrokerRtt(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const setup = await openToolSetup(context, parsed);
  const timeoutMs = numberFlag(parsed, 'connect-timeout') ?? 5000;
  const iterations = Math.max(1, numberFlag(parsed, 'iterations') ?? 5);
  try {
    const servers = await resolveServers(setup.config, {platform: context.platform, logger: setup.logger});
    const measured: Measured[] = [];
    const failures: string[] = [];
    for (const server of servers) {
      try {
        const connection = await connectTool(context, setup, {server, timeoutMs});
        const roundTripsMs: number[] = [];
        for (let index = 0; index < iterations; index += 1) {
          const sentMs = context.platform.clock.monotonicMs();
          await connection.flush({timeoutMs});
          roundTripsMs.push(context.platform.clock.monotonicMs() - sentMs);
        }
        measured.push({server: connection.connectedServer ?? server, roundTripsMs});
        await connection.close();
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        failures.push(`${server}: ${errorMessage(error)}`);
      }
    }
    show(context, measured, isGiven(parsed, 'json'));
    for (const failure of failures) context.stderr.write(`${inertLine(failure)}\n`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    setup.logger.close();
  }
}

function show(context: CliContext, measured: readonly Measured[], isJson: boolean): void {
  if (isJson) {
    const rows = measured.map((item) => ({server: item.server, rtt_ns: average(item.roundTripsMs)}));
    context.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  for (const item of measured) {
    const {roundTripsMs} = item;
    const text = (ms: number): string => goDuration(Math.round(ms * 1e6));
    context.stdout.write(
      `${inertLine(item.server)}: average ${goDuration(average(roundTripsMs))}, fastest ${text(Math.min(...roundTripsMs))}, slowest ${text(Math.max(...roundTripsMs))} of ${roundTripsMs.length}\n`,
    );
  }
}

/** In nanoseconds. */
function average(roundTripsMs: readonly number[]): number {
  return Math.round((roundTripsMs.reduce((sum, item) => sum + item, 0) / roundTripsMs.length) * 1e6);
}
