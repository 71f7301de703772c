/** `choria cheat`: example sheets of the other commands. */
import type {CommandSpec} from '../types.ts';

/** @param root gives the whole program, whose sheets are shown; a function, because the program holds this command. */
export const cheatCommand = (root: () => CommandSpec): CommandSpec => ({
  name: 'cheat',
  help: 'Shows examples of common tasks',
  hidden: true,
  arguments: [{name: 'label', help: 'The sheet to show'}],
  flags: [
    {name: 'list', kind: 'boolean', help: 'List the sheets'},
    {
      name: 'save',
      kind: 'string',
      valueName: 'DIRECTORY',
      help: 'Save the sheets in a directory, for the program cheat',
    },
  ],
  run: async () => {
    const {runCheat} = await import('./cheat-run.ts');
    return (context, parsed) => runCheat(context, {parsed, root: root()});
  },
});
