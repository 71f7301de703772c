/** `choria tool protocol`: what is inside a message. */
import type {CommandSpec} from '../types.ts';

export const toolProtocolCommand: CommandSpec = {
  name: 'protocol',
  help: 'Shows the layers of protocol messages',
  hidden: true,
  arguments: [{name: 'source', required: true, help: 'A file that holds a message, or with --subject a subject'}],
  flags: [
    {name: 'subject', kind: 'boolean', help: 'Listen on a subject instead of reading a file'},
    {name: 'count', kind: 'integer', default: '50', help: 'End after this many messages of a subject'},
    {name: 'json', kind: 'boolean', help: 'Show the layers as JSON'},
  ],
  run: async () => (await import('./tool-protocol-run.ts')).runToolProtocol,
};
