/** `choria login`: gets a token from the AAA service. */
import {configFlag} from './flags.ts';
import type {CommandSpec} from '../types.ts';

export const loginCommand: CommandSpec = {
  name: 'login',
  help: 'Logs in to the AAA service of the fleet',
  flags: [configFlag],
  run: async () => (await import('./login-run.ts')).runLogin,
};
