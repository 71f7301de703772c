/** No guide shows a command that nobody runs. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {guideBlocks, guideCommands, guidesDirectory} from '../support/guide.ts';

const guides = readdirSync(guidesDirectory).map((file) => file.replace(/\.md$/, ''));
const tests = [import.meta.dirname, join(import.meta.dirname, '..', 'peers')].flatMap((directory) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(directory, name), 'utf8')),
);
/** Blocks of other languages are files, which the tests read, and pieces of programs. */
const languages = ['', 'console', 'ts', 'json', 'yaml', 'ini', 'rego', 'policy', 'sh'];

describe.each(guides)('the guide %s', (name) => {
  test('has its commands run, in its order, when it has any', () => {
    if (guideCommands(name).length === 0) return;
    expect(tests.filter((text) => text.includes(`runGuide('${name}'`))).toHaveLength(1);
  });

  test('says what its blocks hold', () => {
    expect(guideBlocks(name).filter(({language}) => !languages.includes(language))).toEqual([]);
  });

  test('has no command line with flags or files between its words, where nobody runs it', () => {
    const text = readFileSync(join(guidesDirectory, `${name}.md`), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
    expect(
      [...text.matchAll(/`((?:choria|mco|npm|npx) [^`]* -[^`]*|choria \w+ run [^`]*)`/g)].map(([, line]) => line),
    ).toEqual([]);
  });
});
