import type {CommandSpec} from '../types.ts';
import {configFlag, discoveryFlags, filterFlags, nodesFlag} from './flags.ts';

export const findCommand: CommandSpec = {
  name: 'discover',
  aliases: ['find'],
  help: 'Find nodes that match filters',
  flags: [
    configFlag,
    ...filterFlags,
    ...discoveryFlags,
    nodesFlag,
    {name: 'federations', kind: 'string', help: 'Comma separated list of federations to reach'},
    {
      name: 'verbose',
      short: 'v',
      kind: 'boolean',
      default: 'false',
      help: 'Tell how and how fast the nodes were found',
    },
    {name: 'json', short: 'j', kind: 'boolean', help: 'Produce JSON output'},
    {name: 'silent', kind: 'boolean', hidden: true, help: 'Write failures to standard error, without a log line'},
  ],
  run: async () => (await import('./find-run.ts')).runFind,
};
