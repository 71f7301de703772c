/** Every line of the fault list has a test named by its number, or waits for a part that does not exist yet. */
import {dirname} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {faultTests, readFaultLines} from '../../tools/faults-reference.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

test('the list has all eighty lines, once each', () => {
  expect(readFaultLines(root).map((item) => item.line)).toEqual(Array.from({length: 80}, (_, index) => index + 1));
});

test('a line has a test, or says which part it waits for', () => {
  const tests = faultTests(root);
  expect(
    readFaultLines(root)
      .filter((item) => !tests.has(item.line) && item.waitsFor === undefined)
      .map((item) => item.line),
  ).toEqual([]);
});

test('a line that waits has no test yet', () => {
  const tests = faultTests(root);
  expect(
    readFaultLines(root)
      .filter((item) => tests.has(item.line) && item.waitsFor !== undefined)
      .map((item) => item.line),
  ).toEqual([]);
});
