/** What choria init prepares for machines that join by themselves works as it says: real processes, from an empty folder to a node that answers. */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {type AddressInfo, createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {runCliForTest} from '../support/cli.ts';

const program = fileURLToPath(new URL('../fixtures/programs/choria.ts', import.meta.url));
const choria = [process.execPath, '--import', import.meta.resolve('tsx'), program];

/** Starts a command of ours and keeps what it logs. */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [command = '', ...first] = choria;
  const child: ChildProcess = spawn(command, [...first, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {...process.env, ...env},
  });
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  return {
    log: () => log.join(''),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** It goes into files before anybody listens there. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test.each([
  {how: 'tokens', flags: [], user: 'rip'},
  {how: 'certificates', flags: ['--x509'], user: 'rip.mcollective'},
])('with $how a machine with the token of its image becomes a node', {timeout: 120_000}, async ({flags, user}) => {
  const root = mkdtempSync(join(tmpdir(), 'choria-joining-'));
  const acme = join(root, 'acme');
  const port = await freePort();
  const running: ReturnType<typeof start>[] = [];
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
    const helper = [...choria, 'init', 'answer', '--directory', acme].join(' ');
    writeFileSync(settings, text.replace(/"helper": "[^"]*"/, `"helper": ${JSON.stringify(helper)}`));

    running.push(start(next[0]?.split(' ').slice(1) ?? []));
    await expect.poll(() => running[0]?.log(), {timeout: 30_000}).toContain('Listening for client connections');
    running.push(start(provisioning.run.split(' ').slice(1)));
    const node = join(root, 'node');
    mkdirSync(node);
    running.push(
      start(['server', 'run', '--config', join(node, 'server.conf')], {CHORIA_PROVISIONING_JWT: provisioning.token}),
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
          return answered.trim() === '' ? running.map(({log}) => log().slice(-1500)).join('\n-----\n') : 'answered';
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
