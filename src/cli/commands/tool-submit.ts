/** `choria tool submit`. */
import {userId} from '../node-user.ts';
import type {CommandSpec} from '../types.ts';

export const toolSubmitCommand: CommandSpec = {
  name: 'submit',
  help: 'Submit a message to the Submission system',
  arguments: [
    {name: 'subject', help: 'The subject to publish to, without the prefix of submissions', required: true},
    {name: 'payload', help: 'The file to read as payload, - for standard input', required: true},
  ],
  flags: [
    {name: 'reliable', kind: 'boolean', help: 'Publishes until a stream confirms it'},
    {
      name: 'priority',
      kind: 'enum',
      values: ['0', '1', '2', '3', '4'],
      default: '4',
      help: 'Priority of the message, 0 is sent first and 4 last',
    },
    {name: 'ttl', kind: 'duration', default: '24h', help: 'How long the message is worth sending'},
    {name: 'tries', kind: 'integer', default: '100', help: 'How often a reliable message is tried'},
    {name: 'sender', kind: 'string', default: `user ${userId}`, help: 'Who sends it'},
    {name: 'sign', kind: 'boolean', help: 'Has the server sign the message'},
    {
      name: 'header',
      short: 'H',
      kind: 'string',
      repeatable: true,
      help: 'Adds a header NAME:VALUE, can be given many times',
    },
  ],
  run: async () => (await import('./tool-submit-run.ts')).runToolSubmit,
};
