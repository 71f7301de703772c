import {posix} from 'node:path';
import type {Platform} from './platform.ts';

/**
 * The file that a command name means: the name itself where it has a slash, else the first executable file of that name in the absolute directories of
 * `PATH`; relative ones are left out, since what stands in the working directory is not a program of the machine.
 */
export async function findProgram(
  name: string,
  platform: {readonly files: Pick<Platform['files'], 'stat'>; readonly env: Platform['env']},
): Promise<string | undefined> {
  const directories = (platform.env['PATH'] ?? '').split(':').filter((directory) => posix.isAbsolute(directory));
  const paths = name.includes('/') ? [name] : directories.map((directory) => posix.join(directory, name));
  for (const path of paths) {
    try {
      const info = await platform.files.stat(path);
      if (info.kind === 'file' && (info.mode & 0o111) !== 0) return path;
    } catch {
      // Not in this one; what cannot be looked at cannot be run either.
      continue;
    }
  }
  return undefined;
}
