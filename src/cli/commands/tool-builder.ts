/** `choria tool builder`: definitions of applications that Application Builder runs. */
import type {CommandSpec} from '../types.ts';

export const toolBuilderCommand: CommandSpec = {
  name: 'builder',
  help: 'Checks and lists definitions of Application Builder',
  commands: [
    {
      name: 'validate',
      help: 'Checks the definition of an application',
      arguments: [{name: 'definition', required: true, kind: 'file', help: 'The file of the definition'}],
      run: async () => (await import('./tool-builder-run.ts')).runBuilderValidate,
    },
    {
      name: 'info',
      help: 'Shows where definitions are looked for',
      run: async () => (await import('./tool-builder-run.ts')).runBuilderInfo,
    },
    {
      name: 'list',
      help: 'Lists the applications that are defined',
      run: async () => (await import('./tool-builder-run.ts')).runBuilderList,
    },
  ],
};
