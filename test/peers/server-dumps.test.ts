/** SIGQUIT of a program that runs: it tells what it does in private files, and goes on. */
import {spawn} from 'node:child_process';
import {readFileSync, rmSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';

test('SIGQUIT writes stacks and heap for the owner only, without the environment, and the program goes on', async () => {
  const program = join(import.meta.dirname, '..', '..', 'bin', 'choria.js');
  const child = spawn(process.execPath, [program, 'demo', '--nodes', '10', '--keep'], {
    env: {...process.env, SECRET_OF_TEST: 'xyzzy-plugh'},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    await expect.poll(() => said.length, {timeout: 30_000}).toBeGreaterThan(0);
    child.kill('SIGQUIT');
    await expect.poll(() => said, {timeout: 30_000}).toMatch(/Wrote \S+threaddump\S+ and \S+memoryprofile\S+/);
    const [, stacks = '', heap = ''] = /Wrote (\S+) and (\S+)/.exec(said) ?? [];
    expect([statSync(stacks).mode & 0o777, statSync(heap).mode & 0o777]).toEqual([0o600, 0o600]);
    expect(readFileSync(stacks, 'utf8')).not.toContain('xyzzy-plugh');
    expect(child.exitCode).toBeNull();
    rmSync(stacks);
    rmSync(heap);
  } finally {
    child.kill('SIGTERM');
  }
}, 90_000);
