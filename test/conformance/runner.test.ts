import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, describe, expect, test} from 'vitest';
import {differencesMax, readDifferences} from './differences.ts';
import {judgePath, readUnjudged} from './run.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const runner = join(root, 'test', 'conformance', 'run.ts');
const tsx = join(root, 'node_modules', '.bin', 'tsx');
const scratch = mkdtempSync(join(tmpdir(), 'choria-conformance-'));

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

describe('the conformance runner', () => {
  test('says that there are no vectors and exits 3', () => {
    const result = spawnSync(tsx, [runner, '--vectors', join(scratch, 'nowhere')], {encoding: 'utf8'});
    expect(result.status).toBe(3);
    expect(result.stdout).toContain('There are no vectors');
  });

  test('counts a file that it has no judge for as failed', () => {
    mkdirSync(join(scratch, 'a', 'config'), {recursive: true});
    writeFileSync(join(scratch, 'a', 'config', 'surprise.json'), '[]');
    const result = spawnSync(tsx, [runner, '--vectors', join(scratch, 'a')], {encoding: 'utf8'});
    expect(result.stdout).toContain('unknown file config/surprise.json');
    expect(result.stdout.trimEnd().split('\n').at(-1)).toBe('0 passed, 1 failed');
    expect(result.status).toBe(1);
  });

  test('judges cases that nobody has seen and fails the wrong ones', () => {
    mkdirSync(join(scratch, 'b', 'protocol'), {recursive: true});
    const cases = [
      {input: 'planet=earth', fact: 'planet', operator: '==', value: 'earth'},
      {input: 'moons>=1', fact: 'moons', operator: '<=', value: '1'},
    ];
    writeFileSync(join(scratch, 'b', 'protocol', 'fact-strings.json'), JSON.stringify({cases}));
    const result = spawnSync(tsx, [runner, '--vectors', join(scratch, 'b')], {encoding: 'utf8'});
    expect(result.stdout).toMatch(/^FAIL protocol\/fact-strings\.json .*expected .*, got /m);
    expect(result.stdout).toContain('protocol/fact-strings.json: 1 passed, 1 failed');
    expect(result.stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed');
    expect(result.status).toBe(1);
  });
});

describe('the lists beside the runner', () => {
  test('a file that waits has no judge, and a file with a judge does not wait', () => {
    expect(readUnjudged().filter((file) => existsSync(judgePath(file)))).toEqual([]);
  });

  test('the differences are few and each is told in docs/design/differences.md', () => {
    const differences = readDifferences();
    expect(differences.length).toBeLessThanOrEqual(differencesMax);
    const page = readFileSync(join(root, 'docs', 'design', 'differences.md'), 'utf8');
    const told = [...page.matchAll(/^- `([^`]+)` `([^`]+)`: /gm)].map((match) => `${match[1]} ${match[2]}`);
    expect(told.sort()).toEqual(differences.map((item) => `${item.file} ${item.cases}`).sort());
  });
});
