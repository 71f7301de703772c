/** Randomness of the operating system. Edge file. */
import {randomFillSync} from 'node:crypto';
import type {Random} from './platform.ts';

/** Small draws are cut from one block: asking the system costs more than the bytes do. */
const blockBytes = 4_096;

export function createNodeRandom(): Random {
  let block = Buffer.alloc(0);
  let used = 0;
  return {
    bytes(count) {
      if (count > blockBytes / 8) return randomFillSync(Buffer.alloc(count));
      if (used + count > block.length) {
        block = randomFillSync(Buffer.alloc(blockBytes));
        used = 0;
      }
      const drawn = Buffer.from(block.subarray(used, used + count));
      // What was handed out must not stay here: it may be a key.
      block.fill(0, used, used + count);
      used += count;
      return drawn;
    },
    float: () => Math.random(),
  };
}
