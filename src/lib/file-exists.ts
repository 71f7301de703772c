import type {Files} from './platform.ts';

/**
 * Whether there is anything at a path; links are followed.
 *
 * @throws what the disk says when that cannot be told, such as `EACCES`
 */
export async function fileExists(files: Pick<Files, 'stat'>, path: string): Promise<boolean> {
  try {
    await files.stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
