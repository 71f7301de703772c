import type {CommandSpec} from '../types.ts';
import {configFlag, discoveryFlags, filterFlags, nodesFlag} from './flags.ts';

const discoverCheat = `# all nodes of the main collective
choria find

# nodes with a class, and with a fact; all filters must match
choria find -C roles::web -F country=mt

# names by pattern, names listed in a file
choria find -I /^web/
choria find --nodes nodes.txt

# an expression, judged by the nodes themselves
choria find -S 'with("roles::web") and fact("cpus") > 4'

# nodes that answered an earlier request, for the next one
choria req service status service=httpd --json | choria find

# as JSON, for other programs
choria find -C roles::web --json
`;

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
  cheat: {label: 'discover', text: discoverCheat},
  run: async () => (await import('./find-run.ts')).runFind,
};
