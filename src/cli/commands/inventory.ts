import type {CommandSpec} from '../types.ts';
import {basicFilterFlags, configFlag} from './flags.ts';

export const inventoryCommand: CommandSpec = {
  name: 'inventory',
  help: 'Report what a node holds, or which collectives there are',
  flags: [
    configFlag,
    {name: 'collectives', kind: 'boolean', help: 'List all known collectives'},
    {name: 'facts', kind: 'boolean', negatable: true, default: 'true', help: 'Show the facts of the node'},
    ...basicFilterFlags,
  ],
  arguments: [{name: 'identity', help: 'The node to report on'}],
  run: async () => (await import('./inventory-run.ts')).runInventory,
};
