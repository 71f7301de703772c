import type {CommandSpec} from '../types.ts';
import {configFlag, filterFlags} from './flags.ts';

export const pingCommand: CommandSpec = {
  name: 'ping',
  help: 'Ask every node for a sign of life',
  flags: [
    configFlag,
    {name: 'silent', kind: 'boolean', negatable: true, help: 'Do not print names'},
    {name: 'names', kind: 'boolean', help: 'Print only the names of nodes that answer, no statistics'},
    ...filterFlags,
    {name: 'federations', kind: 'string', help: 'Comma separated list of federations to reach'},
    {name: 'expect', kind: 'integer', help: 'End after this many answers'},
    {name: 'timeout', kind: 'integer', help: 'Seconds to wait for answers'},
    {name: 'graph', kind: 'boolean', help: 'Draw a graph of the times'},
    {
      name: 'workers',
      kind: 'integer',
      default: '3',
      help: 'Accepted for compatibility; one connection receives everything',
    },
  ],
  run: async () => (await import('./ping-run.ts')).runPing,
};
