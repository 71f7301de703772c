/** `choria exec-supervisor`: started by the server beside itself for each job of the executor. */
import type {CommandSpec} from '../types.ts';

export const execSupervisorCommand: CommandSpec = {
  name: 'exec-supervisor',
  help: 'Runs and watches one command in the background',
  hidden: true,
  flags: [
    {name: 'config', kind: 'string', valueName: 'FILE', help: 'Configuration file of the server'},
    {name: 'heartbeat', kind: 'duration', default: '5m', help: 'How often to tell that the command still runs'},
    {name: 'track-output', kind: 'boolean', help: 'Publishes what the command writes'},
    {name: 'process', kind: 'string', required: true, help: 'The id of the job'},
  ],
  run: async () => (await import('./exec-supervisor-run.ts')).runExecSupervisor,
};
