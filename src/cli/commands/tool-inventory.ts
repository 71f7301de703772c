/** `choria tool inventory`: files of nodes for the discovery method `inventory`. */
import type {CommandSpec} from '../types.ts';
import {discoveryFlags, filterFlags, nodesFlag} from './flags.ts';

export const toolInventoryCommand: CommandSpec = {
  name: 'inventory',
  help: 'Writes, updates and checks inventory files',
  arguments: [{name: 'file', required: true, help: 'The file to write or check: .json, .yaml or .yml'}],
  flags: [
    {name: 'validate', kind: 'boolean', help: 'Only check that the file is a valid inventory'},
    {name: 'update', kind: 'boolean', help: 'Replace the nodes of an existing file, keeping its groups'},
    ...filterFlags,
    nodesFlag,
    ...discoveryFlags,
  ],
  run: async () => (await import('./tool-inventory-run.ts')).runToolInventory,
};
