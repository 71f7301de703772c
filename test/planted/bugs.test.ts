/** Each planted mistake still has its place: the text to change stands in its file exactly once. What finds them: `npm run planted`. */
import {existsSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const bugs = JSON.parse(readFileSync(join(root, 'test', 'planted', 'bugs.json'), 'utf8')) as readonly {
  readonly id: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly string[];
}[];

test('there are at least fifty, each with its own name', () => {
  expect(bugs.length).toBeGreaterThanOrEqual(50);
  expect(new Set(bugs.map((bug) => bug.id)).size).toBe(bugs.length);
});

test.each(bugs.map((bug) => [bug.id, bug] as const))('%s can be planted', (_id, bug) => {
  const path = join(root, bug.file);
  expect(existsSync(path)).toBe(true);
  expect(readFileSync(path, 'utf8').split(bug.find).length - 1).toBe(1);
  expect(bug.replace).not.toBe(bug.find);
  expect(bug.tests.filter((place) => !existsSync(join(root, place)))).toEqual([]);
});
