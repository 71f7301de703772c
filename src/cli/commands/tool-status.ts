/** `choria tool status`: is a server healthy, by the status file it writes. For monitoring systems. */
import type {CommandSpec} from '../types.ts';

export const toolStatusCommand: CommandSpec = {
  name: 'status',
  help: 'Checks the health of a running server by its status file',
  flags: [
    {name: 'status-file', kind: 'string', required: true, help: 'The status file to check'},
    {
      name: 'disconnected',
      kind: 'boolean',
      negatable: true,
      default: 'true',
      help: 'Checks that the server is connected to a broker',
    },
    {name: 'message-since', kind: 'duration', default: '1h', help: 'Longest time without a message (0 turns it off)'},
    {name: 'max-age', kind: 'duration', default: '30m', help: 'Longest age of the status file (0 turns it off)'},
    {
      name: 'certificate-age',
      kind: 'duration',
      default: '24h',
      help: 'Fails when the certificate ends sooner than this (0 turns it off)',
    },
    {
      name: 'token-age',
      kind: 'duration',
      default: '24h',
      help: 'Fails when the token ends sooner than this (0 turns it off)',
    },
    {name: 'unprovisioned', kind: 'boolean', help: 'Checks that the server is in provisioning mode'},
    {name: 'provisioned', kind: 'boolean', help: 'Checks that the server is not in provisioning mode'},
  ],
  run: async () => (await import('./tool-status-run.ts')).runToolStatus,
};
