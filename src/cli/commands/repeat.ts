/** Commands that look again and again. */
import {sleep} from '../../lib/platform.ts';
import type {CliContext} from '../types.ts';

/** Up to the upper left corner, and everything below it away. */
export const clearScreen = '\u001b[H\u001b[2J';

/** Ends early, as if the time were over, when the user interrupts. */
export async function pause({platform, signal}: CliContext, ms: number): Promise<void> {
  try {
    await sleep(platform.clock, ms, {signal});
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
