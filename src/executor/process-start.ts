/** When a process began, so that its number can be told from the same number used again. */
import type {Files} from '../lib/platform.ts';
import {executorLimits} from './limits.ts';

/** Clock ticks since the machine started, as text; undefined when there is no such process. */
export async function processStart(files: Files, pid: number): Promise<string | undefined> {
  try {
    const stat = await files.read(`/proc/${pid}/stat`, {limitBytes: executorLimits.procStatBytesMax});
    // The name of the program stands in brackets and may hold anything; the 22nd field is the 20th behind it.
    const fields = stat.toString('latin1').split(') ').at(-1)?.split(' ') ?? [];
    return fields[19];
  } catch (error) {
    const {code} = error as {code?: unknown};
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
