import {expect, test} from 'vitest';
import {createSharedRead} from './shared-read.ts';

/** A file whose reads end when the test says so, with what the file held when they began. */
function slowFile() {
  const state = {content: 'first', reads: 0};
  const ends: (() => void)[] = [];
  const read = (path: string): Promise<string> => {
    state.reads++;
    const seen = `${path}: ${state.content}`;
    return new Promise((resolve) => ends.push(() => resolve(seen)));
  };
  const endOne = async (): Promise<void> => {
    ends.shift()?.();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return {state, read: createSharedRead(read), endOne};
}

test('who asks during a read shares the next one, and never gets what was read before he asked', async () => {
  const {state, read, endOne} = slowFile();
  const early = read('a');
  state.content = 'second';
  const late = Array.from({length: 1000}, () => read('a'));
  await endOne();
  await endOne();
  expect(await early).toBe('a: first');
  expect(new Set(await Promise.all(late))).toEqual(new Set(['a: second']));
  expect(state.reads).toBe(2);
});

test('each file has its own reads, and a later question reads again', async () => {
  const {state, read, endOne} = slowFile();
  const both = [read('a'), read('b')];
  await endOne();
  await endOne();
  expect(await Promise.all(both)).toEqual(['a: first', 'b: first']);
  state.content = 'second';
  const again = read('a');
  await endOne();
  expect(await again).toBe('a: second');
});

test('a read that fails fails for those who shared it, and the next one is a new one', async () => {
  let reads = 0;
  const read = createSharedRead(() => {
    reads++;
    return reads < 3 ? Promise.reject(new Error(`read ${reads}`)) : Promise.resolve('there');
  });
  const outcomes = await Promise.allSettled([read('a'), read('a'), read('a')]);
  expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : ''))).toEqual([
    'Error: read 1',
    'Error: read 2',
    'Error: read 2',
  ]);
  expect(await read('a')).toBe('there');
});
