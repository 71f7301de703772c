import {runDemo} from '../demo/demo.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

/** 0 when everything went as it should, 1 otherwise. */
export async function runDemoCommand(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const result = await runDemo({
    platform: context.platform,
    nodes: Number(parsed.flags['nodes']),
    keep: parsed.flags['keep'] === true,
    signal: context.signal,
    say: (text) => context.stdout.write(`${text}\n`),
  });
  if (parsed.flags['json'] === true) context.stdout.write(`${JSON.stringify(result)}\n`);
  return result.ok ? 0 : 1;
}
