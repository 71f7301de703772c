/** What choria init prepares for machines that join by themselves works as it says: real processes, from an empty folder to a node that answers. */
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {runCliForTest} from '../support/cli.ts';
import {choriaCommand, freePort, type RunningProgram, startProgram} from '../support/programs.ts';

test.each([
  {how: 'tokens', flags: [], user: 'rip'},
  {how: 'certificates', flags: ['--x509'], user: 'rip.mcollective'},
])('with $how a machine with the token of its image becomes a node', {timeout: 120_000}, async ({flags, user}) => {
  const root = mkdtempSync(join(tmpdir(), 'choria-joining-'));
  const acme = join(root, 'acme');
  const port = await freePort();
  const running: RunningProgram[] = [];
  try {
    const made = await runCliForTest({
      argv: [
        'choria',
        'init',
        ...flags,
        '--directory',
        acme,
        '--listen',
        '127.0.0.1',
        '--port',
        String(port),
        '--json',
      ],
    });
    expect(made).toMatchObject({exit: 0, stderr: ''});
    const {next, provisioning} = JSON.parse(made.stdout) as {
      readonly next: readonly string[];
      readonly provisioning: {readonly token: string; readonly run: string};
    };
    // The program that this test is has no command line: the helper is started as an operator's would be.
    const settings = join(acme, 'provisioning', 'provisioner.yaml');
    const text = readFileSync(settings, 'utf8');
    const helper = [...choriaCommand, 'init', 'answer', '--directory', acme].join(' ');
    writeFileSync(settings, text.replace(/"helper": "[^"]*"/, `"helper": ${JSON.stringify(helper)}`));

    running.push(startProgram(next[0]?.split(' ').slice(1) ?? []));
    await expect.poll(() => running[0]?.log(), {timeout: 30_000}).toContain('Listening for client connections');
    running.push(startProgram(provisioning.run.split(' ').slice(1)));
    const node = join(root, 'node');
    mkdirSync(node);
    running.push(
      startProgram(['server', 'run', '--config', join(node, 'server.conf')], {
        env: {
          CHORIA_PROVISIONING_JWT: provisioning.token,
        },
      }),
    );

    const client = ['--config', join(acme, 'users', user, 'client.conf')];
    let answered = '';
    await expect
      .poll(
        async () => {
          const env = {MCOLLECTIVE_CERTNAME: 'rip.mcollective'};
          ({stdout: answered} = await runCliForTest({
            argv: ['choria', 'ping', '--names', '--timeout', '1', ...client],
            env,
          }));
          return answered.trim() === '' ? running.map((item) => item.log().slice(-1500)).join('\n-----\n') : 'answered';
        },
        {timeout: 60_000, interval: 500},
      )
      .toBe('answered');
    const name = answered.trim();
    const status = await runCliForTest({argv: ['choria', 'init', 'status', '--directory', acme]});
    expect(status.stdout).toContain(name);
    expect(readFileSync(join(node, 'server.conf'), 'utf8')).toContain('rpcaudit=true');

    expect(readFileSync(join(node, 'server.conf'), 'utf8')).toContain(`identity=${name}`);
    // What is known by name can be taken back.
    await runCliForTest({argv: ['choria', 'init', 'revoke', name, '--directory', acme]});
    await expect
      .poll(
        async () => {
          const {stdout} = await runCliForTest({
            argv: ['choria', 'ping', '--names', '--timeout', '1', ...client],
            env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective'},
          });
          return stdout.trim();
        },
        {timeout: 20_000, interval: 500},
      )
      .toBe('');
  } finally {
    for (const item of running) await item.stop();
    rmSync(root, {recursive: true, force: true});
  }
});
