/** What a person at the prompt reads after a mistake: the file by its own name, the cause in words, and what was meant. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, test} from 'vitest';
import {type CliTestResult, runCliForTest} from '../../test/support/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'choria-mistakes-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));

const run = (line: string): Promise<CliTestResult> =>
  runCliForTest({
    argv: ['choria', ...line.split(' ')],
    mounts: [{virtual: '/data', real: root}],
    files: {'/data/c.conf': ''},
  });

describe('a mistake at the prompt', () => {
  test.each([
    ['jwt keys /data/no/seed', 'open /data/no/seed: no such file or directory'],
    ['jwt client /data/x.jwt up=bob /data/none', 'could not create token: open /data/none: no such file or directory'],
    ['tool protocol /data/none --config /data/c.conf', 'open /data/none: no such file or directory'],
    ['plugin generate client /data/none /data/out', "path '/data/none' does not exist"],
    ['aaa run --config /data/none', 'open /data/none: no such file or directory'],
    ['provisioner run --config /data/none', 'open /data/none: no such file or directory'],
    ['plugin doc rpcuti --config /data/c.conf', "agent/rpcuti ddl not found, did you mean 'rpcutil'?"],
    ['init --directory /data/o --broker b.example.net:4333', 'expected --broker b.example.net --port 4333'],
  ])('%s', async (line, reason) => {
    const {stdout, stderr, exit} = await run(line);
    const text = `${stdout}${stderr}`.replaceAll(root, '/data');
    expect(exit).toBe(1);
    expect(text).toContain(reason);
    expect(text).not.toMatch(/E[A-Z]{4,}:|\.tmp|\n {4}at /);
  });

  test.each(['find -S fact("x"', 'find -S fact("x")==', "req rpcutil ping -S '"])(
    'of an expression that no node can be expected to read somebody is told: %s',
    async (line) => {
      const {stderr} = await run(`${line} --config /data/c.conf --dm mc`);
      expect(stderr).toContain('No node can be expected to match: Cannot parse the expression');
    },
  );
});
