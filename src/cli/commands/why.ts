import type {CommandSpec} from '../types.ts';
import {configFlag} from './flags.ts';

export const whyCommand: CommandSpec = {
  name: 'why',
  help: 'Explain why a node did not answer, now and in earlier requests',
  flags: [
    configFlag,
    {name: 'json', short: 'j', kind: 'boolean', help: 'Produce JSON'},
    {name: 'target', short: 'T', kind: 'string', help: 'The sub collective to look in'},
  ],
  arguments: [
    {
      name: 'subject',
      help: 'The name of a node or the id of a request; the last request with silent or failed nodes when nothing is given',
    },
  ],
  cheat: {
    label: 'why',
    text: `# why did a node not answer, and does it now
choria why web1.example.net

# which nodes were silent in the last request, and why
choria why

# as JSON, of a request by its id
choria why 4cf9e3cb7e2b4a3a8b9e4e9f0e1d2c3b --json
`,
  },
  run: async () => (await import('./why-run.ts')).runWhy,
};
