import {expect, test} from 'vitest';
import {releaseStartMemory} from './node-memory.ts';

test('giving memory back ends, also a second time', async () => {
  await releaseStartMemory();
  await expect(releaseStartMemory()).resolves.toBeUndefined();
});
