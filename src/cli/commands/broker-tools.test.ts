import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {startTestBroker, type TestBroker, testTlsMaterial} from '../../../test/support/broker.ts';
import {type CliTestResult, runCliForTest} from '../../../test/support/cli.ts';
import {createBrokerAuthenticator} from '../../broker/index.ts';
import {createNodePlatform} from '../../lib/node-platform.ts';

const pki = fileURLToPath(new URL('../../../test/fixtures/pki', import.meta.url));
let broker: TestBroker;

beforeAll(async () => {
  broker = await startTestBroker({
    tls: {material: testTlsMaterial('broker'), clientCertificates: 'if-given'},
    accounts: ['choria', 'system'],
    systemAccount: 'system',
    clusterName: 'CHORIA',
    authenticator: createBrokerAuthenticator({
      clock: createNodePlatform().clock,
      allowedCallers: ['.*'],
      system: {user: 'system', password: 's3cret'},
    }),
  });
});
afterAll(() => broker[Symbol.asyncDispose]());

function run(
  words: readonly string[],
  more: {readonly signal?: AbortSignal; readonly system?: boolean; readonly stdin?: string} = {},
): Promise<CliTestResult> {
  const config = [
    'plugin.security.provider = file',
    'plugin.security.file.certificate = /pki/alice.pem',
    'plugin.security.file.key = /pki/alice.key',
    'plugin.security.file.ca = /pki/ca.pem',
    `plugin.choria.middleware_hosts = localhost:${broker.port}`,
    ...(more.system === false
      ? []
      : ['plugin.choria.network.system.user = system', 'plugin.choria.network.system.password = s3cret']),
    '',
  ].join('\n');
  return runCliForTest({
    argv: ['choria', 'broker', ...words, '--config', '/home/rip/client.conf'],
    files: {'/home/rip/client.conf': config},
    mounts: [{virtual: '/pki', real: pki}],
    ...(more.signal === undefined ? {} : {signal: more.signal}),
    ...(more.stdin === undefined ? {} : {stdin: more.stdin}),
  });
}

/** Once somebody listens on a subject. */
async function listening(subject: string): Promise<void> {
  const {clock} = createNodePlatform();
  for (;;) {
    const accounts = [...broker.engine.monitoring.core.accounts.values()];
    if (accounts.some((account) => account.subscriptions.hasInterest(subject))) return;
    await new Promise<void>((resolve) => void clock.setTimer(resolve, 5));
  }
}

describe('broker tools', () => {
  test('account info tells whom the broker takes the user for', async () => {
    const {stdout, exit} = await run(['account', 'info']);
    expect(exit, stdout).toBe(0);
    expect(stdout).toMatch(/^Account Information\n\n +User: .*\n +Account: choria/);
    expect(stdout).toMatch(/ Connected Server Name: broker\.example\.net\n/);
    expect(stdout).toContain('Connection Permissions:');
  });

  test('top shows the connections of the broker that is named, and says when there is none', async () => {
    const {stdout, exit} = await run(['top', 'broker.example.net', '--max-refresh', '1']);
    expect(exit, stdout).toBe(0);
    expect(stdout).toMatch(/ connections of broker\.example\.net/);
    expect(stdout).toContain('│ CID │');
    const nobody = await run(['top', 'nobody', '-r', '1']);
    expect(nobody.exit).toBe(1);
    expect(nobody.stdout).toContain('nobody');
  });

  test('ping, reports and requests tell of every broker', async () => {
    const ping = await run(['server', 'ping', '1', '--id', '--graph']);
    expect(ping.stdout).toMatch(
      /^N[A-Z2-7]{55} broker\.example\.net +rtt=\S+\n\n---- ping statistics ----\n1 replies max: \S+ms min: \S+ms avg: \S+ms\n/,
    );
    for (const [words, headers] of [
      [['cpu'], 'CPU %'],
      [['mem'], 'Memory'],
      [['health'], 'Status'],
      [['routes'], 'RTT'],
      [['leafnodes'], 'Account'],
      [['gateways'], 'Outgoing'],
      [['accounts'], 'Connections'],
    ] as const) {
      const report = await run(['server', 'report', ...words]);
      expect([report.exit, report.stdout.includes(headers)], words[0]).toEqual([0, true]);
    }
    const accounts = await run(['server', 'report', 'accounts', 'system', '--json']);
    expect(JSON.parse(accounts.stdout)).toMatchObject([{account: 'system', connections: 1}]);
    for (const page of ['variables', 'connections', 'subscriptions', 'accounts', 'routes', 'leafnodes', 'gateways']) {
      const {stdout} = await run(['server', 'request', page, '1']);
      expect(JSON.parse(stdout), page).toMatchObject({server: {name: 'broker.example.net'}});
    }
  });

  test('checks say what is wrong in one line, and by their exit code', async () => {
    const good = await run(['server', 'check', 'server', '--name', 'broker.example.net']);
    expect(good).toMatchObject({exit: 0});
    expect(good.stdout).toMatch(
      /^OK broker\.example\.net \| uptime=\d+\.\d{4}s cpu=\d+% mem=\d+ connections=1 subscriptions=\d+\n$/,
    );
    expect(await run(['server', 'check', 'server', '--conn-warn', '1', '--conn-critical', '5'])).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('WARNING  Warn:connections 1'),
    });
    expect(await run(['server', 'check', 'server', '--js-required'])).toMatchObject({
      exit: 2,
      stdout: expect.stringContaining('Crit:JetStream not enabled'),
    });
    expect(await run(['server', 'check', 'server', '--name', 'nobody'])).toMatchObject({
      exit: 2,
      stdout: 'CRITICAL nobody Crit:no server responded\n',
    });
    expect(await run(['server', 'check', 'request', '--subject', 'nobody.there'])).toMatchObject({
      exit: 2,
      stdout: expect.stringContaining('Nobody listens'),
    });
    expect(await run(['server', 'check', 'meta', '--lag-critical', '1', '--seen-critical', '1s'])).toMatchObject({
      exit: 2,
      stdout: 'CRITICAL JetStream Meta Cluster Crit:no meta leader\n',
    });
  });

  test('what is published is shown by who subscribes, with headers and reply subject', async () => {
    const subscriber = run(['subscribe', 'news.>', '--count', '2']);
    await listening('news.x');
    const first = await run(['publish', 'news.a', 'hello', '-H', 'X-One:1', '--reply', 'answers']);
    expect(first).toMatchObject({exit: 0, stdout: ''});
    expect(first.stderr).toContain('msg="Published 5 bytes to \\"news.a\\"\\n"');
    expect(await run(['publish', 'news.b', '--quiet'], {stdin: 'piped'})).toMatchObject({exit: 0, stderr: ''});
    expect((await subscriber).stdout).toBe(
      '[#1] Received on "news.a" with reply "answers"\nX-One: 1\n\nhello\n\n[#2] Received on "news.b"\npiped\n\n',
    );
  });

  test('a request is answered, once by each member that is asked for', async () => {
    const answering = [
      run(['reply', 'echo', '--echo', '--count', '1']),
      run(['reply', 'echo', 'fixed', '--queue', 'other', '--count', '1']),
    ];
    await listening('echo');
    const {clock} = createNodePlatform();
    while (broker.engine.monitoring.core.subscriptionCount < 2) {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 5));
    }
    const asked = await run(['request', 'echo', 'ping', '--raw', '--replies', '2']);
    expect(asked.stdout.split('\n').toSorted()).toEqual(['', 'fixed', 'ping']);
    expect(await Promise.all(answering)).toMatchObject([{exit: 0}, {exit: 0}]);
  });

  test('a message is traced to those who would get it, and given to them only when told so', async () => {
    const subscriber = run(['subscribe', 'traced.*', '--queue', 'readers', '--count', '1', '--raw']);
    await listening('traced.x');
    const trace = await run(['trace', 'traced.x', 'not delivered', '-H', 'X-One:1']);
    expect(trace.exit, trace.stderr).toBe(0);
    expect(trace.stdout).toMatch(
      /^Tracing message route to subject traced\.x \n\nClient "Choria CLI" cid:\d+ cluster:"CHORIA" server:"broker\.example\.net" version:"[\d.]+"\n--C Client "Choria CLI" cid:\d+ subject:"traced\.\*" queue:"readers"\n\nLegend: Client: --C Router: --> Gateway: ==> Leafnode: ~~> JetStream: --J Error: --X\n\nEgress Count:\n\n {2}Client: 1\n$/,
    );
    const timed = await run(['trace', 'traced.x', 'delivered', '--deliver', '-T']);
    expect(timed.stdout).toMatch(
      /^Tracing .* with delivery to the final destination\n\n\[0s\] Client .*\n\[\S+s\] --C /,
    );
    expect((await subscriber).stdout).toBe('delivered\n');
    expect((await run(['trace', 'nobody.there'])).stdout).toContain('\n--X No active interest\n');
    expect(JSON.parse((await run(['trace', 'nobody.there', '--json'])).stdout)).toMatchObject([
      {request: {header: {'Nats-Trace-Only': ['true']}, msgsize: expect.any(Number)}, events: [{type: 'in'}]},
    ]);
  });

  test('traffic is counted by its kind, second by second', async () => {
    const traffic = run(['traffic', 'counted.>', '--count', '1', '--json']);
    await listening('counted.a');
    await run(['publish', 'counted.a', 'five5', '--count', '3', '--quiet']);
    await run(['publish', 'counted.b', 'x', '--reply', 'somewhere', '--quiet']);
    expect(JSON.parse((await traffic).stdout)).toEqual({
      raft: {vote: 0, append: 0, reply: 0, remove_peer: 0, proposal: 0, total: 0},
      cluster: {jsa_update: 0, stream_info: 0, consumer_info: 0, stream_sync: 0, reply: 0, total: 0},
      general: {requests: 1, js_api: 0, js_ack: 0, system: 0, rest: 3, total: 4},
      bytes: 16,
    });
    const shown = await run(['traffic', 'counted.>', '--count', '1']);
    expect(shown.stdout).toContain('│ Requests │ JS API │ JS ACK │ System │ Rest │ Total Bytes │ Total Messages │');
    expect(shown.stdout).not.toContain('Raft Traffic');
  });

  test('nobody to answer is said at once and is no failure, as scripts know it', async () => {
    const asked = await run(['request', 'nobody', 'hi']);
    expect(asked.exit).toBe(0);
    expect(asked.stderr).toMatch(/msg="Sending request on \\"nobody\\"\\n"\n.*msg="No responders are available"\n$/);
  });

  test('round trips are measured', async () => {
    const shown = await run(['rtt', '--iterations', '3']);
    expect(shown.stdout).toMatch(/^nats:\/\/localhost:\d+: average \S+s, fastest \S+s, slowest \S+s of 3\n$/);
    const rows = JSON.parse((await run(['rtt', '--json'])).stdout) as {rtt_ns: number}[];
    expect(rows[0]?.rtt_ns).toBeGreaterThan(0);
  });

  test('brokers and their connections are listed, and one is closed', async () => {
    const list = await run(['server', 'list', '1']);
    expect(list.stdout).toContain('Server Overview');
    expect(list.stdout).toMatch(/│ broker │ CHORIA {2}│/);
    const info = await run(['server', 'info', 'broker.example.net']);
    expect(info.stdout).toContain(`ID: ${broker.engine.serverId}\n`);
    const controller = new AbortController();
    const subscriber = run(['subscribe', 'kicked'], {signal: controller.signal});
    await listening('kicked');
    const connections = await run(['server', 'connections', '--json', '--account', 'choria']);
    const [victim] = JSON.parse(connections.stdout) as {cid: number}[];
    expect((await run(['server', 'connections'])).stdout).toContain('Connections out of');
    expect(await run(['server', 'kick', String(victim?.cid), broker.engine.serverId])).toMatchObject({
      exit: 0,
      stdout: `Closed connection ${victim?.cid}\n`,
    });
    expect((await run(['server', 'kick', '99999', broker.engine.serverId])).exit).toBe(1);
    controller.abort();
    expect((await subscriber).exit).toBe(0);
  });

  test('who comes is told', async () => {
    const events = run(['events', '--count', '1']);
    await listening('$SYS.ACCOUNT.choria.CONNECT');
    await run(['publish', 'x', 'y']);
    expect((await events).stdout).toMatch(/ connect cid \d+ .* from 127\.0\.0\.1 on broker\.example\.net\n$/);
  });

  test.each([
    [['server', 'list'], 'needs system username and password set using plugin.choria.network.system'],
    [['events'], 'needs system username and password set using plugin.choria.network.system'],
  ])('%j without the system credentials says what is missing', async (words, text) => {
    const result = await run(words, {system: false});
    expect(result.exit).toBe(1);
    expect(result.stdout + result.stderr).toContain(text);
  });
});
