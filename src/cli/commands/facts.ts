import type {CommandSpec} from '../types.ts';
import {configFlag, discoveryFlags, filterFlags, nodesFlag} from './flags.ts';

const factsCheat = `# how often each value of a fact is found
choria facts os.family

# with the names of the nodes behind each value
choria facts os.family -n

# as a table, and as JSON
choria facts os.family --table
choria facts os.family --json
`;

export const factsCommand: CommandSpec = {
  name: 'facts',
  help: 'Report the values of a fact over all nodes',
  flags: [
    configFlag,
    {name: 'table', short: 't', kind: 'boolean', help: 'Produce a table'},
    {name: 'json', short: 'j', kind: 'boolean', help: 'Produce JSON output'},
    {name: 'verbose', short: 'v', kind: 'boolean', help: 'Show nodes and more statistics'},
    {name: 'show-nodes', short: 'n', kind: 'boolean', help: 'Show the nodes of each value'},
    {name: 'reverse', short: 'r', kind: 'boolean', help: 'Most frequent values first'},
    ...filterFlags,
    ...discoveryFlags,
    nodesFlag,
  ],
  arguments: [{name: 'fact', required: true, help: 'The fact to report'}],
  cheat: {label: 'facts', text: factsCheat},
  run: async () => (await import('./facts-run.ts')).runFacts,
};
