/** `choria tool event`: lifecycle events as they happen. */
import type {CommandSpec} from '../types.ts';

export const toolEventCommand: CommandSpec = {
  name: 'event',
  help: 'Shows lifecycle events until it is interrupted',
  flags: [
    {name: 'component', kind: 'string', help: 'Only events of this component'},
    {
      name: 'type',
      kind: 'enum',
      values: ['alive', 'governor', 'provisioned', 'shutdown', 'startup', 'upgraded'],
      help: 'Only events of this type',
    },
  ],
  run: async () => (await import('./tool-event-run.ts')).runToolEvent,
};
