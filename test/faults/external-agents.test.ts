/**
 * What may go wrong with programs that are agents: who may rewrite them, what they print, what they leave, how many run.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import {execFileSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {createDataPlugins, createExternalAgentProvider} from '../../src/agents/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {emptyFilter} from '../../src/protocol/index.ts';
import {createAgentRegistry, createFileAuditor, dispatchRpc} from '../../src/rpc/index.ts';
import type {AgentRegistry, NodeContext} from '../../src/rpc/types.ts';
import {createRecordingLogger, type RecordingLogger} from '../support/recording-logger.ts';
import {agentMetadata} from '../support/agent-metadata.ts';

const scratch: string[] = [];

afterEach(() => {
  for (const directory of scratch.splice(0)) rmSync(directory, {recursive: true, force: true});
});

interface Lab {
  readonly root: string;
  readonly agents: string;
  /** The temporary directory that agents see. */
  readonly temporary: string;
  readonly node: NodeContext;
  readonly registry: AgentRegistry;
  readonly logger: RecordingLogger;
  call(agent: string, data?: unknown): Promise<Record<string, unknown> | undefined>;
}

const activate =
  'case "$CHORIA_EXTERNAL_PROTOCOL" in *activation*) printf \'{"activate":true}\' > "$2"; exit 0;; esac\n';

async function startLab(entries: Readonly<Record<string, string>> = {}): Promise<Lab> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'choria-fault-')));
  scratch.push(root);
  const agents = join(root, 'lib/mcollective/agent');
  const temporary = join(root, 'tmp');
  mkdirSync(agents, {recursive: true});
  mkdirSync(temporary);
  const real = createNodePlatform();
  const platform: Platform = {
    ...real,
    env: {PATH: '/usr/bin:/bin'},
    host: {...real.host, tempDirectory: temporary},
    files: {...real.files, makeTempDirectory: async (prefix) => mkdtempSync(join(temporary, prefix))},
  };
  const config = await configFromEntries(
    {
      identity: 'n1.example.net',
      rpcauthorization: '0',
      'plugin.choria.agent_provider.mcorpc.libdir': join(root, 'lib'),
      ...entries,
    },
    {platform, mode: 'server', path: join(root, 'server.conf')},
  );
  const logger = createRecordingLogger();
  const registry = createAgentRegistry({logger});
  const data = createDataPlugins({version: '1.0.0'});
  const node: NodeContext = {
    identity: 'n1.example.net',
    collectives: ['mcollective'],
    mainCollective: 'mcollective',
    config,
    platform,
    logger,
    startedAtMs: 0,
    provisioning: false,
    factsJson: async () => Buffer.from('{"os":"$(touch pwned)"}'),
    classes: async () => [],
    agents: () => registry.metadata(),
    dataPlugins: () => data.names(),
    data: (plugin, query) => data.run(plugin, query, node),
    statistics: () => ({
      total: 0,
      validated: 0,
      unvalidated: 0,
      passed: 0,
      filtered: 0,
      ttlExpired: 0,
      replies: 0,
      events: 0,
      replayed: 0,
    }),
    connectedServer: () => undefined,
    machines: () => [],
  };
  return {
    root,
    agents,
    temporary,
    node,
    registry,
    logger,
    call: async (name, inputs = {}) => {
      const agent = registry.get(name);
      if (!agent) throw new Error(`agent ${name} is not registered: ${JSON.stringify(logger.lines)}`);
      const stop = new AbortController();
      const timer = platform.clock.setTimer(() => stop.abort(new Error('over')), agent.metadata.timeoutSeconds * 1000);
      const reply = await agent.handle({
        request: {
          version: 1,
          id: '0123456789abcdef0123456789abcdef',
          senderId: 'client',
          callerId: 'choria=rip.mcollective',
          collective: 'mcollective',
          agent: name,
          ttlSeconds: 60,
          sentAtMs: platform.clock.nowMs(),
          filter: emptyFilter,
          body: Buffer.from(JSON.stringify({agent: name, action: 'run', data: inputs})),
        },
        node,
        signal: stop.signal,
      });
      timer.cancel();
      return reply && (JSON.parse(reply.toString('utf8')) as Record<string, unknown>);
    },
  };
}

function place(
  lab: Lab,
  name: string,
  script: string,
  options: {readonly mode?: number; readonly timeout?: number} = {},
): void {
  const input = {prompt: 'P', description: 'd', type: 'string', optional: true, validation: '.', maxlength: 200};
  const ddl = {
    metadata: agentMetadata(name, {timeout: options.timeout ?? 5, provider: 'external'}),
    actions: [{action: 'run', description: 'd', input: {value: input}, output: {}, display: 'always'}],
  };
  writeFileSync(join(lab.agents, `${name}.json`), JSON.stringify(ddl));
  utimesSync(join(lab.agents, `${name}.json`), Date.now() / 1000 - 60, Date.now() / 1000 - 60);
  writeFileSync(join(lab.agents, name), `#!/bin/sh\n${activate}${script}`);
  chmodSync(join(lab.agents, name), options.mode ?? 0o755);
}

async function scanned(lab: Lab): Promise<void> {
  await createExternalAgentProvider({node: lab.node, registry: lab.registry}).scan();
}

describe('fault 42: who may be run', () => {
  test('fault 42: a program that everybody may write to, or that is not executable, is not run', async () => {
    const lab = await startLab();
    place(lab, 'open', 'exit 0\n', {mode: 0o777});
    place(lab, 'dead', 'exit 0\n', {mode: 0o644});
    await scanned(lab);
    expect(lab.registry.names()).toEqual([]);
    expect(JSON.stringify(lab.logger.lines)).toContain('everybody may write to it');
  });

  test('fault 42: a program that was swapped after the check of its activation is not run', async () => {
    const lab = await startLab();
    place(lab, 'swapped', 'printf \'{"data":{}}\' > "$2"\n');
    await scanned(lab);
    writeFileSync(join(lab.root, 'evil'), '#!/bin/sh\n');
    chmodSync(join(lab.root, 'evil'), 0o777);
    rmSync(join(lab.agents, 'swapped'));
    symlinkSync(join(lab.root, 'evil'), join(lab.agents, 'swapped'));
    expect(await lab.call('swapped')).toMatchObject({
      statuscode: 1,
      statusmsg: expect.stringContaining('everybody may write'),
    });
  });

  test('fault 42: a name with a slash is refused before anything is looked up', async () => {
    const lab = await startLab();
    place(lab, 'good', 'exit 0\n');
    const path = join(lab.agents, 'bad.json');
    writeFileSync(
      path,
      JSON.stringify({metadata: {name: '../../evil', timeout: 2, provider: 'external'}, actions: []}),
    );
    await scanned(lab);
    expect(lab.registry.names()).toEqual(['good']);
    expect(JSON.stringify(lab.logger.lines)).toContain('cannot be used');
  });
});

test('fault 43: inputs and facts reach a program as data and are run by no shell', async () => {
  const lab = await startLab();
  place(lab, 'plain', 'cp "$1" /dev/null; printf \'{"data":{"count":%d}}\' $# > "$2"\n');
  await scanned(lab);
  for (const value of ['$(touch pwned)', '`touch pwned`', '; touch pwned', '-rf\n', '%n%s']) {
    expect(await lab.call('plain', {value})).toMatchObject({statuscode: 0, data: {count: 3}});
  }
  expect(readdirSync(lab.temporary)).toEqual([]);
  expect(readdirSync(lab.root)).not.toContain('pwned');
});

describe('fault 44: what programs print and how they end', () => {
  test('fault 44: endless output is read and dropped, and the reply still counts', async () => {
    const lab = await startLab();
    place(lab, 'talker', 'head -c 20000000 /dev/zero | tr "\\0" x; printf \'{"data":{}}\' > "$2"\n');
    await scanned(lab);
    expect(await lab.call('talker')).toMatchObject({statuscode: 0});
    expect(lab.logger.lines.length).toBeLessThan(2_000);
  });

  test('fault 44: a daemon that keeps the pipe open does not keep the caller', async () => {
    const lab = await startLab();
    place(lab, 'forker', '(sleep 3) & printf \'{"data":{"done":true}}\' > "$2"\n');
    await scanned(lab);
    expect(await lab.call('forker')).toMatchObject({statuscode: 0, data: {done: true}});
  });

  test('fault 44: a program that ignores SIGTERM is killed with its whole group and the caller gets silence', async () => {
    const lab = await startLab();
    place(lab, 'deaf', `trap "" TERM\n(while :; do sleep 1; done) &\nwhile :; do sleep 1; done\n`, {timeout: 1});
    await scanned(lab);
    expect(await lab.call('deaf')).toBeUndefined();
  });

  test('fault 44: exit codes, signals and partial replies are told', async () => {
    const lab = await startLab();
    place(lab, 'exits', 'exit 7\n');
    place(lab, 'dies', 'kill -9 $$\n');
    place(lab, 'partial', 'printf \'{"data":{"a"\' > "$2"\n');
    place(lab, 'astray', 'printf \'{"data":{}}\' > "$1"\n');
    await scanned(lab);
    const texts = await Promise.all(
      ['exits', 'dies', 'partial', 'astray'].map(async (name) => (await lab.call(name))?.['statusmsg']),
    );
    expect(texts).toEqual([
      'Could not call external agent exits#run: executing exits failed: exit status 7',
      'Could not call external agent dies#run: executing dies failed: exit status -1',
      'Could not call external agent partial#run: failed to decode reply json: unexpected end of JSON input',
      'Could not call external agent astray#run: failed to decode reply json: unexpected end of JSON input',
    ]);
  });
});

test('fault 45: a thousand calls of a slow action start few programs, are refused with a word, and leave others alone', async () => {
  const lab = await startLab();
  place(lab, 'slow', 'sleep 0.2; printf \'{"data":{}}\' > "$2"\n', {timeout: 8});
  place(lab, 'quick', 'printf \'{"data":{}}\' > "$2"\n');
  await scanned(lab);
  const calls = Array.from({length: 1000}, () => lab.call('slow'));
  expect(await lab.call('quick')).toMatchObject({statuscode: 0});
  const replies = await Promise.all(calls);
  const busy = replies.filter((reply) => String(reply?.['statusmsg']).includes('try again later'));
  expect(busy.length).toBeGreaterThan(700);
  expect(replies.filter((reply) => reply?.['statuscode'] === 0).length).toBeGreaterThan(0);
});

describe('fault 46: temporary files', () => {
  test('fault 46: files are private and unpredictable whatever the umask, and are gone afterwards', async () => {
    const lab = await startLab();
    place(
      lab,
      'modes',
      'M=$(stat -c %a "$1" "$2" "$(dirname "$1")" | tr "\\n" " "); printf \'{"data":{"modes":"%s","dir":"%s"}}\' "$M" "$1" > "$2"\n',
    );
    await scanned(lab);
    const [first, second] = [await lab.call('modes'), await lab.call('modes')];
    expect(first).toMatchObject({data: {modes: '600 600 700 '}});
    expect(first?.['data']).not.toEqual(second?.['data']);
    expect(readdirSync(lab.temporary)).toEqual([]);
  });

  test('fault 46: a disk that takes no temporary files gives a failure and runs nothing', async () => {
    const lab = await startLab();
    place(lab, 'writer', 'printf \'{"data":{}}\' > "$2"\n');
    await scanned(lab);
    rmSync(lab.temporary, {recursive: true});
    expect(await lab.call('writer')).toMatchObject({
      statuscode: 5,
      statusmsg: expect.stringMatching(/^mkdtemp .*: no such file or directory$/),
    });
  });
});

describe('fault 80: what programs leave', () => {
  test.each([
    ['a FIFO', 'rm "$2"; mkfifo "$2"\n', /failed to read reply json/],
    ['a device behind a link', 'rm "$2"; ln -s /dev/zero "$2"\n', /failed to read reply json/],
    ['a link to a file of the server', 'rm "$2"; ln -s /etc/hostname "$2"\n', /not a regular file/],
    ['a huge file', 'truncate -s 1T "$2"\n', /failed to read reply json/],
    ['nothing at all', 'rm "$2"\n', /no such file or directory/],
    ['nesting without end', 'head -c 100000 /dev/zero | tr "\\0" "[" > "$2"\n', /failed to decode reply json/],
  ])('fault 80: %s in the place of the reply is a clear failure and its files go', async (_what, script, message) => {
    const lab = await startLab();
    place(lab, 'leaver', script);
    await scanned(lab);
    const reply = await lab.call('leaver');
    expect(reply).toMatchObject({statuscode: 1, statusmsg: expect.stringMatching(message)});
    expect(readdirSync(lab.temporary)).toEqual([]);
  });
});

test('fault 80: descriptions that are empty, half written, huge, pipes, devices or links are told, and the others served', async () => {
  const lab = await startLab();
  place(lab, 'good', 'printf \'{"data":{}}\' > "$2"\n');
  const path = (name: string): string => join(lab.agents, `${name}.json`);
  writeFileSync(path('empty'), '');
  writeFileSync(path('half'), '{"metadata": {"name": "half", "provi');
  writeFileSync(path('huge'), `{"metadata": {"name": "${'x'.repeat(3 * 1024 * 1024)}"}}`);
  execFileSync('mkfifo', [path('pipe')]);
  symlinkSync('/dev/zero', path('zero'));
  symlinkSync(join(lab.root, 'nowhere'), path('gone'));
  symlinkSync(path('circle'), path('circle'));
  symlinkSync(lab.agents, join(lab.agents, 'folder'));
  await scanned(lab);
  expect(lab.registry.names()).toEqual(['good']);
  expect(await lab.call('good')).toMatchObject({statuscode: 0});
  const log = lab.logger.lines.map((line) => line.message).join('\n');
  for (const name of ['empty', 'half', 'huge', 'pipe', 'zero', 'gone', 'circle']) expect(log).toContain(`${name}.json`);
});

describe('fault 55: audit', () => {
  test('fault 55: nothing runs when an audit that was asked for cannot be written', async () => {
    const lab = await startLab({rpcaudit: '1', 'plugin.rpcaudit.logfile': '/nonexisting/audit.log'});
    let runs = 0;
    const metadata = {
      name: 'counter',
      description: '',
      author: '',
      license: '',
      version: '1',
      url: '',
      timeoutSeconds: 2,
      provider: '',
      service: false,
    };
    const body = await dispatchRpc(
      {
        metadata,
        action: () => async () => {
          runs++;
          return {statusCode: 0, statusMessage: 'OK', data: {}};
        },
      },
      {
        request: {
          version: 1,
          id: 'a',
          senderId: 's',
          callerId: 'c',
          collective: 'mcollective',
          agent: 'counter',
          ttlSeconds: 60,
          sentAtMs: lab.node.platform.clock.nowMs(),
          filter: emptyFilter,
          body: Buffer.from('{"agent":"counter","action":"x"}'),
        },
        node: lab.node,
        signal: new AbortController().signal,
        auditor: createFileAuditor({platform: lab.node.platform, path: '/nonexisting/audit.log', mode: 0o600}),
      },
    );
    expect(runs).toBe(0);
    expect(body?.toString()).toContain('could not be written to the audit log');
  });
});

test('fault 78: secret settings are masked for agents, data plugins and filters alike', async () => {
  const lab = await startLab({'plugin.nats.pass': 'hunter2', 'plugin.myapp.password': 'hunter2'});
  for (const key of ['plugin.nats.pass', 'plugin.myapp.password']) {
    const found = await lab.node.data('config_item', key);
    expect(JSON.stringify(found)).not.toContain('hunter2');
    expect(found).toMatchObject({present: true});
  }
});
