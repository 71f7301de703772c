/** Words of the command line that must name something that is there. */
import type {Files} from '../../lib/platform.ts';
import {CliError} from '../errors.ts';

/** @throws {CliError} `ERR_CLI_VALUE` */
export async function requireFile(files: Pick<Files, 'stat'>, path: string): Promise<void> {
  if ((await kindOf(files, path)) === 'directory') throw new CliError('ERR_CLI_VALUE', `path '${path}' is a directory`);
}

/** @throws {CliError} `ERR_CLI_VALUE` */
export async function requireDirectory(files: Pick<Files, 'stat'>, path: string): Promise<void> {
  if ((await kindOf(files, path)) !== 'directory') throw new CliError('ERR_CLI_VALUE', `path '${path}' is a file`);
}

async function kindOf(files: Pick<Files, 'stat'>, path: string): Promise<string> {
  try {
    return (await files.stat(path)).kind;
  } catch (error) {
    throw new CliError('ERR_CLI_VALUE', `path '${path}' does not exist`, {cause: error});
  }
}
