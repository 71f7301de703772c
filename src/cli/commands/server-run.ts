/** `choria server run`. */
import type {CommandSpec} from '../types.ts';

const runSpec: CommandSpec = {
  name: 'run',
  help: 'Runs a Choria Server',
  isDefault: true,
  flags: [
    {name: 'disable-tls', kind: 'boolean', hidden: true, help: 'Disables TLS'},
    {name: 'disable-ssl-verification', kind: 'boolean', hidden: true, help: 'Disables SSL Verification'},
    {name: 'pid', kind: 'string', help: 'Write running PID to a file'},
    {name: 'service-host', kind: 'boolean', help: 'Runs as a Service Agent host that hosts only service agents'},
  ],
  run: async () => (await import('./server-run-run.ts')).runServer,
};

export const serverCommand: CommandSpec = {
  name: 'server',
  help: 'Choria Server',
  flags: [{name: 'config', kind: 'string', valueName: 'FILE', help: 'Configuration file to use'}],
  commands: [runSpec],
};
