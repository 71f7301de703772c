/** `choria machine plugins` at the prompt: files and their modes, what is refused, what is never shown. */
import {mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {type CliTestResult, runCliForTest} from '../../../test/support/cli.ts';

const seed = '07'.repeat(32);
const checksum = 'a'.repeat(64);
const url = 'https://user:s3cret@example.net/metrics-1.tgz';
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'choria-plugins-'));
  writeFileSync(join(root, 'seed'), seed, {mode: 0o600});
});
afterEach(() => rmSync(root, {recursive: true, force: true}));

const plugins = (...words: readonly string[]): Promise<CliTestResult> =>
  runCliForTest({argv: ['choria', 'machine', 'plugins', ...words], mounts: [{virtual: '/keys', real: root}]});
const list = ['--manifest', '/keys/plugins.json'];
const add = (...extra: readonly string[]): Promise<CliTestResult> =>
  plugins('add', 'metrics', url, checksum, checksum, ...list, ...extra);
const modeOf = (name: string): string => (statSync(join(root, name)).mode & 0o777).toString(8);

describe('choria machine plugins', () => {
  test('keeps passwords in files that only their owner reads, and shows none', async () => {
    writeFileSync(join(root, 'plugins.json'), '[]', {mode: 0o644});
    const added = await add();
    expect(added).toMatchObject({exit: 0, stderr: ''});
    expect(added.stdout).not.toContain('s3cret');
    const packed = await plugins('pack', '/keys/plugins.json', '/keys/seed', '--output', '/keys/signed.json');
    expect(packed).toMatchObject({exit: 0, stdout: '', stderr: ''});
    expect(['plugins.json', 'signed.json'].map(modeOf)).toEqual(['600', '600']);
  });

  test('replaces neither the key nor the list, not even when forced', async () => {
    await add();
    symlinkSync(join(root, 'seed'), join(root, 'link'));
    for (const output of ['/keys/seed', '/keys/link', '/keys/plugins.json']) {
      const result = await plugins('pack', '/keys/plugins.json', '/keys/seed', '--output', output, '--force');
      expect(result).toMatchObject({exit: 1, stdout: expect.stringContaining('which the result is made of')});
    }
    expect(readFileSync(join(root, 'seed'), 'utf8')).toBe(seed);
  });

  test('takes the key as a file only, and never shows what was given in its place', async () => {
    await add();
    const result = await plugins('pack', '/keys/plugins.json', seed);
    expect(result).toMatchObject({exit: 1, stderr: 'choria: error: the seed has to be given as a file\n'});
    writeFileSync(join(root, 'seed'), `${seed.slice(0, 60)}\n`);
    const short = await plugins('pack', '/keys/plugins.json', '/keys/seed');
    expect(short.exit).toBe(1);
    expect(`${result.stdout}${short.stdout}${short.stderr}`).not.toContain(seed.slice(0, 60));
  });

  test('warns of what nodes could not use', async () => {
    const result = await plugins('add', 'm', 'https://h/x', 'abc', checksum, ...list, '--matcher', 'fact("x") == 1');
    expect(result.exit).toBe(0);
    expect(result.stderr).toContain('The checksum \\"abc\\" is no SHA256 checksum');
    expect(result.stderr).toContain('No node will match the plugin: Cannot compile the expression: unknown name fact');
  });

  test.each([
    ['rm', 'x', '--manifest', '/keys/none.json'],
    ['pack', '/keys/none.json'],
    ['pack', '/keys/plugins.json', '/keys/none.json'],
    ['verify', '/keys/none.json', checksum],
    ['matcher', 'true', '--facts', '/keys/none.json'],
  ])('%s %s %s %s names the file that is not there', async (...words) => {
    await add();
    const result = await plugins(...words);
    expect(result).toMatchObject({
      exit: 1,
      stdout: '',
      stderr: "choria: error: path '/keys/none.json' does not exist\n",
    });
  });

  test('a folder is no list', async () => {
    expect(await plugins('pack', '/keys')).toMatchObject({
      exit: 1,
      stderr: "choria: error: path '/keys' is a directory\n",
    });
  });

  test('an unsafe list is not packed', async () => {
    const entry = {name: '../../etc', source: 'https://h/x', checksum, verify_checksum: checksum};
    writeFileSync(join(root, 'plugins.json'), JSON.stringify([entry]));
    const result = await plugins('pack', '/keys/plugins.json', '/keys/seed', '--output', '/keys/signed.json');
    expect(result).toMatchObject({exit: 1, stdout: expect.stringContaining('Cannot use the plugin name')});
    expect(() => statSync(join(root, 'signed.json'))).toThrow('ENOENT');
  });

  test('matches with the identity and the facts of a configuration', async () => {
    writeFileSync(join(root, 'facts.json'), '{"country":"mt"}');
    writeFileSync(join(root, 'server.conf'), 'identity = web1\nplugin.yaml = /keys/facts.json\n');
    const matcher = 'identity("^web1$") && get_fact("country") == "mt"';
    const matched = await plugins('matcher', matcher, '--config', '/keys/server.conf');
    expect(matched).toMatchObject({exit: 0, stdout: `Matched plugin matcher: ${matcher}\n`});
    expect((await plugins('matcher', matcher)).stdout).toContain('Failed to match plugin matcher: ');
    expect((await plugins('matcher', matcher, '--config', '/keys/server.conf', '--identity', 'db')).stdout).toContain(
      'Failed to match',
    );
  });
});
