/** `choria tool sha256`: checksums of a directory's files, and the check against them. */
import type {CommandSpec} from '../types.ts';

export const toolSha256Command: CommandSpec = {
  name: 'sha256',
  help: 'Checksums the files of a directory using SHA256',
  arguments: [{name: 'dir', required: true, help: 'The directory to checksum, with everything below it'}],
  flags: [
    {name: 'ignore', kind: 'string', help: 'Comma separated regular expressions of paths to leave out'},
    {name: 'validate', kind: 'string', help: 'File of checksums to check the directory against'},
  ],
  run: async () => (await import('./tool-sha256-run.ts')).runToolSha256,
};
