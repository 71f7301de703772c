import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {readErrorTables} from '../tools/errors-reference.ts';
import {stalePages} from '../tools/generate.ts';

const sourceRoot = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src');

describe('reference pages', () => {
  test('are what the program says today; "npm run generate" writes them', async () => {
    expect(await stalePages()).toEqual([]);
  });

  test('every error code belongs to one table and has a description', async () => {
    const tables = await readErrorTables(sourceRoot);
    const entries = tables.flatMap((table) =>
      Object.entries(table.codes).map(([code, text]) => ({code, text, path: table.path})),
    );
    expect(entries.length).toBeGreaterThan(20);
    expect(entries.filter(({code}) => !/^ERR_[A-Z0-9_]+$/.test(code))).toEqual([]);
    expect(entries.filter(({text}) => text === '')).toEqual([]);
    const codes = entries.map(({code}) => code);
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });
});
