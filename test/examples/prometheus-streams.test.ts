import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, expect, test} from 'vitest';
import {createStreamsAgent, type Streams} from '../../examples/prometheus-streams/agent.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {agentDdlJson} from '../../src/rpc/agent.ts';
import {createServer} from '../../src/server/index.ts';
import {startTestBroker} from '../support/broker.ts';
import {runCliForTest, type CliTestResult} from '../support/cli.ts';

const pki = fileURLToPath(new URL('../fixtures/pki/', import.meta.url));
const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, {recursive: true, force: true});
});

function settings(name: string, port: number): Readonly<Record<string, string>> {
  return {
    collectives: 'mcollective,metrics',
    'plugin.choria.middleware_hosts': `localhost:${port}`,
    'plugin.choria.use_srv': 'false',
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': `${pki}${name}.pem`,
    'plugin.security.file.key': `${pki}${name}.key`,
    'plugin.security.file.ca': `${pki}ca.pem`,
  };
}

test('a program that embeds a server is driven by choria req on its own agent, also in another collective', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'choria-example-'));
  directories.push(scratch);
  await using broker = await startTestBroker({tls: true});
  const platform = createNodePlatform();
  const streams: Streams = {targets: ['blue', 'green'], active: 'blue'};
  const agent = createStreamsAgent(streams);
  const config = await configFromEntries(
    {...settings('node1', broker.port), identity: 'node1.example.net', rpcauthorization: '0'},
    {platform, mode: 'server'},
  );
  await using server = await createServer({config, platform, agents: [agent], memory: 'memory'});
  await server.start();

  const library = join(scratch, 'lib');
  mkdirSync(join(library, 'mcollective/agent'), {recursive: true});
  writeFileSync(join(library, 'mcollective/agent/prometheus_streams.json'), agentDdlJson(agent));
  const client = {...settings('alice', broker.port), libdir: library, logfile: 'discard'};
  const configText = Object.entries(client)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
  const clientConfig = join(scratch, 'client.conf');
  writeFileSync(clientConfig, configText);
  const request = (...args: readonly string[]): Promise<CliTestResult> =>
    runCliForTest({
      argv: ['choria', 'req', 'prometheus_streams', ...args, '--json', '--config', clientConfig],
      env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'},
    });

  const switched = await request('switch', 'target=green');
  expect(switched.stdout, switched.stderr).toContain('"active": "green"');
  expect(streams.active).toBe('green');

  const back = await request('switch', 'target=blue', '-T', 'metrics');
  expect(back.stdout, back.stderr).toContain('"previous": "green"');
  expect(streams.active).toBe('blue');

  const refused = await request('switch', 'target=red');
  expect(refused.stdout, refused.stderr).toContain('expected one of blue, green');
  expect(streams.active).toBe('blue');
});
