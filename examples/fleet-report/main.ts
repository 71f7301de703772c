/**
 * A report about a fact of the fleet, with the configuration and rights of the user who runs it:
 *
 *     npx tsx examples/fleet-report/main.ts country
 *     npx tsx examples/fleet-report/main.ts country roles::web
 *
 * In a program of your own the import is `choria/client`.
 */
import {createClient, createNodePlatform, findUserConfig, loadConfig} from '../../src/client/index.ts';
import {reportFact} from './report.ts';

const [fact, ...classes] = process.argv.slice(2);
if (fact === undefined) {
  process.stderr.write('usage: main.ts FACT [CLASS...]\n');
  process.exitCode = 1;
} else {
  const platform = createNodePlatform();
  const config = await loadConfig({platform, mode: 'user', path: await findUserConfig(platform)});
  await using client = createClient({config, platform});
  const {values, silent} = await reportFact(client, fact, classes);
  for (const [value, nodes] of values) process.stdout.write(`${value}: ${nodes.toSorted().join(' ')}\n`);
  if (silent.length > 0) process.stdout.write(`no answer: ${silent.join(' ')}\n`);
}
