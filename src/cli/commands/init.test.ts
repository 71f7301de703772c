import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {type CliTestResult, runCliForTest} from '../../../test/support/cli.ts';

/** The lines of its own output that are to be pasted into a shell. */
function commandsOf(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n').filter((line) => /^ {2}(?:[A-Z_]+=\S+ )?choria /.test(line));
  return lines.map((line) => line.trim().split(' '));
}

const patience = 40;

test.each([
  {how: 'tokens', flags: [], provider: 'choria', user: 'rip'},
  {how: 'certificates', flags: ['--x509'], provider: 'file', user: 'rip.mcollective'},
])(
  'with $how, what init says to run brings up a fleet that answers, and a revoked node is cut off',
  {
    timeout: 60_000,
  },
  async ({flags, provider, user}) => {
    const directory = mkdtempSync(join(tmpdir(), 'choria-init-test-'));
    const controller = new AbortController();
    const running: Promise<CliTestResult>[] = [];
    // The default port, as these runs see it; whatever is free on the machine.
    const ports = new Map<number, number>();
    try {
      const made = await runCliForTest({
        argv: [
          'choria',
          'init',
          ...flags,
          '--directory',
          join(directory, 'acme'),
          '--listen',
          '127.0.0.1',
          '--node',
          'web1.example.net',
          '-n',
          'web2.example.net',
        ],
      });
      expect(made).toMatchObject({exit: 0, stderr: ''});
      const commands = commandsOf(made.stdout);
      const client = readFileSync(join(directory, 'acme', 'users', user, 'client.conf'), 'utf8');
      expect(client).toContain(`plugin.security.provider = ${provider}\n`);
      const [broker, web1, web2, ping, req] = commands;
      expect(commands.map((words) => words.slice(0, 3).join(' '))).toEqual([
        'choria broker run',
        'choria server run',
        'choria server run',
        'choria ping --config',
        'choria req rpcutil',
        'choria provisioner run',
      ]);
      for (const argv of [broker, web1, web2])
        running.push(runCliForTest({argv: argv ?? [], signal: controller.signal, ports}));

      let last: CliTestResult | undefined;
      for (let attempt = 0; attempt < patience; attempt += 1) {
        last = await runCliForTest({argv: [...(ping ?? []), '--expect', '2', '--timeout', '1'], ports});
        if (last.exit === 0 && last.stdout.includes('web1.example.net') && last.stdout.includes('web2.example.net'))
          break;
      }
      expect(last?.stdout).toContain('web2.example.net');
      const asked = await runCliForTest({argv: req ?? [], ports});
      expect(asked.stdout).toContain('Finished processing 2 / 2 hosts');

      const revoked = await runCliForTest({
        argv: ['choria', 'init', 'revoke', 'web2.example.net', '--directory', join(directory, 'acme')],
      });
      expect(revoked).toMatchObject({exit: 0});
      for (let attempt = 0; attempt < patience && last?.stdout.includes('web2.example.net') === true; attempt += 1) {
        last = await runCliForTest({argv: [...(ping ?? []), '--timeout', '1'], ports});
      }
      expect(last?.stdout).toContain('web1.example.net');
      expect(last?.stdout).not.toContain('web2.example.net');
    } finally {
      controller.abort();
      await Promise.all(running);
      rmSync(directory, {recursive: true, force: true});
    }
  },
);
