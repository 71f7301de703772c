/** Finds nodes and prints their names (cli.md 3.2). */
import {errorMessage} from '../../lib/errors.ts';
import {inert, inertJson, inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {discoverOptions, discoverShown, isGiven, withClient} from './network.ts';

/** Only nodes with this agent are found, because every node of a fleet has it. */
const everywhereAgent = 'rpcutil';

export async function runFind(context: CliContext, parsed: ParsedArguments): Promise<number> {
  if (!isGiven(parsed, 'silent')) return find(context, parsed);
  try {
    return await find(context, parsed);
  } catch (error) {
    context.stderr.write(inert(errorMessage(error)));
    return 1;
  }
}

async function find(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {stdout} = context;
  const isJson = isGiven(parsed, 'json');
  const isVerbose = isGiven(parsed, 'verbose');
  return withClient(
    context,
    parsed,
    async (command) => {
      const options = {...(await discoverOptions(context, parsed)), agent: everywhereAgent};
      const found = await discoverShown(command, options, isVerbose && !isJson ? stdout : undefined);
      if (isJson) {
        stdout.write(`${inertJson(JSON.stringify(found.identities, null, 2))}\n`);
        return 0;
      }
      stdout.write(found.identities.map((name) => `${inertLine(name)}\n`).join(''));
      if (isVerbose) {
        const seconds = (found.elapsedMs / 1_000).toFixed(2);
        const count = found.identities.length;
        stdout.write(`\nDiscovered ${count} nodes using the ${found.method} method in ${seconds} seconds\n`);
      }
      return 0;
    },
    {level: 'fatal'},
  );
}
