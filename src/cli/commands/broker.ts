import type {CommandSpec} from '../types.ts';

export const brokerCommand: CommandSpec = {
  name: 'broker',
  aliases: ['b'],
  help: 'Run a Choria network broker',
  commands: [
    {
      name: 'run',
      help: 'Run a broker in the foreground',
      flags: [
        {name: 'config', kind: 'file', placeholder: 'FILE', help: 'Configuration file of the broker'},
        {name: 'pid', kind: 'string', placeholder: 'FILE', help: 'Write the process id to this file'},
      ],
      run: async () => (await import('./broker-run-run.ts')).runBrokerRun,
    },
  ],
};
