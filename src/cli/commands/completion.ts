/** `choria completion`: scripts for shells, and the names they complete. Needs no network and no configuration. */
import type {CommandSpec} from '../types.ts';
import {configFlag} from './flags.ts';

export const completionCommand: CommandSpec = {
  name: 'completion',
  help: 'Shell completion support',
  hidden: true,
  flags: [
    configFlag,
    {name: 'zsh', kind: 'boolean', negatable: true, help: 'Completion script for zsh'},
    {name: 'bash', kind: 'boolean', negatable: true, default: 'true', help: 'Completion script for bash'},
    {name: 'list', kind: 'enum', values: ['agents', 'actions', 'inputs'], help: 'List agents, actions or inputs'},
    {name: 'agent', kind: 'string', help: 'Limit to a specific agent'},
    {name: 'action', kind: 'string', help: 'Limit to a specific action'},
  ],
  run: async () => (await import('./completion-run.ts')).runCompletion,
};
