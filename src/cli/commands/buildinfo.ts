/** `choria buildinfo`. */
import type {CommandSpec} from '../types.ts';

export const buildinfoCommand: CommandSpec = {
  name: 'buildinfo',
  help: 'Build settings and versions',
  flags: [{name: 'dependencies', short: 'D', kind: 'boolean', help: 'Show the packages this build uses'}],
  run: async () => (await import('./buildinfo-run.ts')).runBuildinfo,
};
