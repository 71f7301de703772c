import type {CommandSpec} from '../types.ts';
import {configFlag, discoveryFlags, filterFlags, nodesFlag} from './flags.ts';

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
  run: async () => (await import('./facts-run.ts')).runFacts,
};
