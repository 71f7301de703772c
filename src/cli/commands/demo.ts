import type {CommandSpec} from '../types.ts';

export const demoCommand: CommandSpec = {
  name: 'demo',
  help: 'Bring up a whole fleet on this machine, use it, and remove it again',
  flags: [
    {
      name: 'nodes',
      kind: 'integer',
      default: '28',
      help: 'How many nodes: three real servers, the rest emulated',
      valueName: 'N',
    },
    {name: 'keep', kind: 'boolean', help: 'Leave the fleet running until interrupted, and say how to use it'},
    {name: 'json', short: 'j', kind: 'boolean', help: 'End with one line of JSON that says what happened'},
  ],
  run: async () => (await import('./demo-run.ts')).runDemoCommand,
};
