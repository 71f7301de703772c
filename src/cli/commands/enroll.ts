/** `choria enroll`: gets a certificate from the Puppet CA. */
import {configFlag} from './flags.ts';
import type {CommandSpec} from '../types.ts';

export const enrollCommand: CommandSpec = {
  name: 'enroll',
  help: 'Gets a certificate from the security provider',
  flags: [configFlag, {name: 'certname', kind: 'string', help: 'Name of the certificate, instead of the own one'}],
  run: async () => (await import('./enroll-run.ts')).runEnroll,
};
