/** `choria executor`: commands that run in the background of nodes. */
import type {ArgumentSpec, CommandSpec, FlagSpec} from '../types.ts';
import {configFlag, discoveryFlags, filterFlags, nodesFlag} from './flags.ts';

const jobArgument: ArgumentSpec = {name: 'id', required: true, help: 'The id of the job'};

const flags: readonly FlagSpec[] = [
  {name: 'json', kind: 'boolean', help: 'Produce JSON output'},
  ...filterFlags,
  nodesFlag,
  ...discoveryFlags,
  {...configFlag, hidden: true},
];

export const executorCommand: CommandSpec = {
  name: 'executor',
  aliases: ['exec'],
  help: 'Watch and signal commands that run in the background',
  commands: [
    {
      name: 'info',
      help: 'Shows the state of a job',
      arguments: [jobArgument],
      flags,
      run: async () => (await import('./executor-run.ts')).runExecutorInfo,
    },
    {
      name: 'signal',
      aliases: ['sig', 'kill'],
      help: 'Sends a signal to a job',
      arguments: [{name: 'signal', required: true, kind: 'unsigned', help: 'The number of the signal'}, jobArgument],
      flags,
      run: async () => (await import('./executor-run.ts')).runExecutorSignal,
    },
  ],
};
