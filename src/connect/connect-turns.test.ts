import {expect, test} from 'vitest';
import {createConnectTurns} from './connect-turns.ts';

test('so many run at a time, the others in the order in which they came, also after a failure', async () => {
  const turns = createConnectTurns(2);
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const runs = [0, 1, 2, 3].map((number) =>
    turns.run(
      () =>
        new Promise<number>((resolve, reject) => {
          begun.push(number);
          ends[number] = (error) => (error === undefined ? resolve(number) : reject(error));
        }),
    ),
  );
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  await settle();
  expect(begun).toEqual([0, 1]);
  ends[1]?.(new Error('refused'));
  await expect(runs[1]).rejects.toThrow('refused');
  await settle();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]?.();
  await settle();
  ends[2]?.();
  ends[3]?.();
  expect(await Promise.all([runs[0], runs[2], runs[3]])).toEqual([0, 2, 3]);
  expect(begun).toEqual([0, 1, 2, 3]);
});
