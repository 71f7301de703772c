/** Runs the commands of the guide, in its order, as it says. */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {type CliTestResult, runCliForTest} from '../../../test/support/cli.ts';

const guide = readFileSync(new URL('../../../docs/guides/first-fleet.md', import.meta.url), 'utf8');

function commands(): readonly string[] {
  return [...guide.matchAll(/```\n([\s\S]*?)```/g)]
    .flatMap((block) => (block[1] ?? '').split('\n'))
    .filter((line) => line !== '');
}

const patience = 40;

test('the commands of the guide to a first fleet do what it says', {timeout: 90_000}, async () => {
  const real = mkdtempSync(join(tmpdir(), 'choria-guide-test-'));
  const controller = new AbortController();
  const running: Promise<CliTestResult>[] = [];
  const ports = new Map<number, number>();
  const results = new Map<string, CliTestResult>();
  try {
    for (const line of commands()) {
      const argv = line.split(' ');
      const common = {argv, ports, mounts: [{virtual: '/srv/fleet', real}], cwd: '/srv/fleet'};
      if (argv[2] === 'run') {
        running.push(runCliForTest({...common, signal: controller.signal}));
      } else if (argv[1] === 'ping') {
        let last: CliTestResult | undefined;
        for (let attempt = 0; attempt < patience && last?.stdout.includes('2 replies') !== true; attempt += 1) {
          last = await runCliForTest({...common, argv: [...argv, '--timeout', '1']});
        }
        expect(last?.stdout).toContain('2 replies');
      } else {
        const result = await runCliForTest(common);
        expect(result, line).toMatchObject({exit: 0, stderr: ''});
        results.set(argv.slice(1, 3).join(' '), result);
      }
    }
    expect(results.get('find -F')?.stdout.trim().split('\n').sort()).toEqual(['web1.example.net', 'web2.example.net']);
    expect(results.get('req rpcutil')?.stdout).toContain('Finished processing 2 / 2 hosts');
    expect(results.get('doctor --config')?.stdout).toContain('nothing is wrong');
    expect(results.get('init status')?.stdout).toContain('bob');
    expect(results.get('init revoke')?.stdout).toContain('bob is revoked');
  } finally {
    controller.abort();
    await Promise.all(running);
    rmSync(real, {recursive: true, force: true});
  }
});
