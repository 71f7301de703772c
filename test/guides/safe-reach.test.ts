/** Every command of docs/guides/safe-reach.md, run against three real servers, and what the guide says of them. */
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {runGuide} from '../support/guide.ts';
import type {Lab, LabRunResult} from '../support/lab.ts';
import {startSmallLab} from '../support/small-lab.ts';
import {agentMetadata} from '../support/agent-metadata.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await startSmallLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

async function run(
  line: string,
  files: Readonly<Record<string, string>> = {},
): Promise<LabRunResult & {readonly said: string}> {
  const result = await lab.run({argv: line.split(' '), files});
  return {...result, said: `${result.stdout}${result.stderr}`};
}

const config = (...lines: readonly string[]): Readonly<Record<string, string>> => ({
  '/scratch/client.conf': [
    'identity = client.example.net',
    'collectives = mcollective,mt_collective',
    'loglevel = warn',
    'plugin.choria.use_srv = false',
    'plugin.choria.middleware_hosts = nats://127.0.0.1:20400',
    'plugin.security.provider = file',
    'plugin.security.file.certificate = /lab/ssl/rip.mcollective.pem',
    'plugin.security.file.key = /lab/ssl/rip.mcollective.key',
    'plugin.security.file.ca = /lab/ssl/ca.pem',
    ...lines,
    '',
  ].join('\n'),
});

describe('the guide to safe reach', () => {
  test('works as it is written', async () => {
    const quick = ['--discovery-timeout', '1'];
    await runGuide('safe-reach', {
      directory: lab.files.root,
      cli: {
        mounts: lab.files.mounts,
        ports: lab.ports,
        env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective'},
        files: {},
      },
      rules: [
        {starts: 'choria req', more: quick},
        {starts: 'choria req rpcutil ping -W country=mt --plan', more: quick, prints: /2 nodes|2 of/},
        {starts: 'choria why', prints: /gone\.example\.net is not connected to the broker/},
      ],
    });
  });

  test('a plan counts and sends nothing', async () => {
    const {stdout} = await run('choria req rpcutil ping --plan --json --ramp 1,100% -F country=mt');
    expect(JSON.parse(stdout)).toMatchObject({
      agent: 'rpcutil',
      may_change: false,
      discovered: 2,
      complete: true,
      filter: '-F country=mt',
      steps: [1, 2],
    });
    const bare = await run('choria req rpcutil ping --plan');
    expect(bare.stdout).toContain('Filter: none, every node of the collective');
  });

  test('a request beyond its ceiling is refused, and the error says whose ceiling it is', async () => {
    expect(await run('choria req rpcutil ping --max-nodes 2')).toMatchObject({
      exit: 1,
      said: expect.stringContaining('Cannot send rpcutil#ping to 3 nodes: --max-nodes allows 2') as string,
    });
    const ceilings = config('plugin.choria.client.ceilings = /^choria=ops-/:100, choria=rip.mcollective:1');
    expect(await run('choria req rpcutil ping --max-nodes 2 --config /scratch/client.conf', ceilings)).toMatchObject({
      exit: 1,
      said: expect.stringContaining('ceilings for choria=rip.mcollective allows 1') as string,
    });
  });

  test('a script is not asked: it gets an error that names the flag', async () => {
    const asks = config('plugin.choria.client.confirm_above = 2');
    const command = 'choria req parrot shout --config /scratch/client.conf';
    const ddl = JSON.stringify({
      metadata: agentMetadata('parrot', {timeout: 2}),
      actions: [{action: 'shout', description: 'd', display: 'always', input: {}, output: {}, aggregate: []}],
    });
    const files = {
      ...config('plugin.choria.client.confirm_above = 2', 'libdir = /scratch/lib'),
      '/scratch/lib/mcollective/agent/parrot.json': ddl,
      '/scratch/nodes.txt': 'n1.example.net\nn2.example.net\nn3.example.net\n',
    };
    expect(await run(`${command} --nodes /scratch/nodes.txt`, files)).toMatchObject({
      exit: 1,
      said: expect.stringMatching(/parrot#shout, which may change things, to 3 nodes.*give --yes/) as string,
    });
    expect(await run(`${command} --nodes /scratch/nodes.txt --yes`, files)).toMatchObject({exit: 0});
    // Reading asks nobody.
    expect(await run('choria req rpcutil ping --config /scratch/client.conf', asks)).toMatchObject({exit: 0});
  });

  test('too few answers to a ping send nothing', async () => {
    const {exit, said} = await run('choria req rpcutil ping --quorum 90% -I n1.example.net -I gone.example.net --np');
    expect(exit).toBe(1);
    expect(said).toContain('1 of 2 nodes answered a ping, --quorum 90% needs 2');
  });

  test('a ramp stops after the step in which too many failed, and goes on from its file', async () => {
    const kept = {'/scratch/state/.keep': '', ...config('plugin.choria.client.state_directory = /scratch/state')};
    const request = 'choria req rpcutil ping --np --config /scratch/client.conf';
    const nodes = '-I gone.example.net -I n1.example.net -I n2.example.net';
    const stopped = await run(`${request} ${nodes} --ramp 1,2,100% --stop-on-failures 1`, kept);
    expect(stopped.exit).toBe(1);
    expect(stopped.stdout).toContain('Finished processing 0 / 1 hosts');
    const [, file = ''] = /The ramp ended after 1 of 3 nodes.*--resume (\S+) goes on/.exec(stopped.said) ?? [];
    expect(file).toMatch(/^\/scratch\/state\/ramps\/[0-9a-f]{16}\.json$/);
  });

  test('a file of a ramp gives the nodes that were not asked, and nothing else', async () => {
    const ramp = (changes: object): string =>
      JSON.stringify({
        protocol: 'choria:ramp:1',
        agent: 'rpcutil',
        action: 'ping',
        collective: 'mcollective',
        startedAtMs: 1,
        asked: 1,
        targets: ['gone.example.net', 'n1.example.net', 'n2.example.net'],
        steps: [1, 2, 3],
        ...changes,
      });
    const resume = 'choria req rpcutil ping --np --resume /scratch/ramp.json';
    const {stdout, exit} = await run(resume, {'/scratch/ramp.json': ramp({})});
    expect(exit).toBe(0);
    expect(stdout).toContain('Finished processing 2 / 2 hosts');
    for (const [changes, text] of [
      [{action: 'get_fact'}, 'it is of rpcutil#get_fact, not of rpcutil#ping'],
      [{asked: 4}, 'it is not the file of a ramp'],
      [{steps: [3, 2]}, 'it is not the file of a ramp'],
      [{targets: ['a', 'a', 'b']}, 'it is not the file of a ramp'],
    ] as const) {
      const refused = await run(resume, {'/scratch/ramp.json': ramp(changes)});
      expect(refused).toMatchObject({exit: 1, said: expect.stringContaining(text) as string});
    }
    const both = await run(`${resume} -F country=mt`, {'/scratch/ramp.json': ramp({})});
    expect(both.said).toContain('Cannot use --wf with --resume');
  });

  test('verbose text, JSON and why give the reason of a silent node', async () => {
    const request = 'choria req rpcutil ping --np -I n1.example.net -I gone.example.net --verbose';
    const text = await run(request);
    expect(text.stdout).toContain('Reasons:\n\n    gone.example.net is not connected to the broker\n');
    const json = JSON.parse((await run(`${request} --json`)).stdout) as {
      readonly request_stats: Readonly<Record<string, unknown>>;
    };
    expect(json.request_stats).toMatchObject({
      connections_known: true,
      no_responses: ['gone.example.net'],
      no_response_reasons: [{sender: 'gone.example.net', reason: 'not-connected'}],
    });
    const now = await run('choria why gone.example.net');
    expect(now.exit).toBe(0);
    expect(now.stdout).toMatch(/^gone\.example\.net is not connected to the broker\n\nIn earlier requests it:\n/);
    const live = JSON.parse((await run('choria why n1.example.net --json')).stdout) as {readonly now: object};
    expect(live.now).toMatchObject({reason: 'ok'});
    const nothing = await run('choria why 0123456789abcdef0123456789abcdef');
    expect(nothing).toMatchObject({exit: 1, said: expect.stringContaining('Nothing is remembered') as string});
    const odd = await run('choria why no/node');
    expect(odd).toMatchObject({exit: 1, said: expect.stringContaining('neither the name of a node') as string});
  });

  test('why tells of a request that is remembered', async () => {
    const record = JSON.stringify({
      requestId: '0123456789abcdef0123456789abcdef',
      agent: 'rpcutil',
      action: 'ping',
      collective: 'mcollective',
      startedAtMs: Date.UTC(2026, 10, 21),
      targets: 3,
      ok: 1,
      failed: 1,
      knowsConnected: true,
      troubles: [
        {identity: 'n2.example.net', reason: 'denied', words: 'denied the request by its policy: no\u001b[2J'},
        {
          identity: 'gone.example.net',
          reason: 'lost',
          words: 'was lost mid-request: its connection ended before it answered',
        },
      ],
      troubleCount: 2,
    });
    const name = '1795219200000-0123456789abcdef0123456789abcdef.json';
    const files = {
      ...config('plugin.choria.client.state_directory = /scratch/state'),
      [`/scratch/state/requests/${name}`]: record,
    };
    const why = 'choria why --config /scratch/client.conf';
    const {stdout, exit} = await run(why, files);
    expect(exit).toBe(0);
    expect(stdout).toContain('rpcutil#ping: 2 of 3 nodes answered, 1 of them OK');
    expect(stdout).toContain('    gone.example.net was lost mid-request: its connection ended before it answered\n');
    expect(stdout).not.toContain('\u001b');
    const byId = await run(`${why} 0123456789abcdef0123456789abcdef --json`, files);
    expect(JSON.parse(byId.stdout)).toMatchObject({nodes_total: 2, discovered: 3});
  });
});
