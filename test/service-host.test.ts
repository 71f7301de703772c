/** `choria server run --service-host`: only service agents, one of several hosts answers, and nothing else of a server runs. */
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {createClient} from '../src/client/index.ts';
import {configFromEntries} from '../src/config/index.ts';
import {openConnection} from '../src/connect/index.ts';
import {silentLogger} from '../src/lib/logger.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {startTestBroker, testTlsMaterial} from './support/broker.ts';
import {runCliForTest} from './support/cli.ts';
import {agentMetadata} from './support/agent-metadata.ts';

const platform = createNodePlatform();
const pki = (name: string): string => fileURLToPath(new URL(`fixtures/pki/${name}`, import.meta.url));

const description = JSON.stringify({
  metadata: agentMetadata('web', {timeout: 2}),
  actions: [],
});

function certificate(name: string): Readonly<Record<string, string>> {
  return {
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': pki(`${name}.pem`),
    'plugin.security.file.key': pki(`${name}.key`),
    'plugin.security.file.ca': pki('ca.pem'),
  };
}

function hostFiles(name: string, port: number): Readonly<Record<string, string>> {
  const settings = {
    identity: `${name}.example.net`,
    logfile: 'stdout',
    loglevel: 'info',
    'plugin.choria.middleware_hosts': `localhost:${port}`,
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': '/home/rip/certificate.pem',
    'plugin.security.file.key': '/home/rip/key.pem',
    'plugin.security.file.ca': '/home/rip/ca.pem',
    'plugin.choria.services.registry.store': '/home/rip/store',
    'plugin.choria.status_file_path': '/home/rip/status.json',
    registration: 'inventory_content',
    rpcauthorization: '0',
  };
  return {
    '/home/rip/server.conf': Object.entries(settings)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
    '/home/rip/certificate.pem': readFileSync(pki(`${name}.pem`), 'utf8'),
    '/home/rip/key.pem': readFileSync(pki(`${name}.key`), 'utf8'),
    '/home/rip/ca.pem': readFileSync(pki('ca.pem'), 'utf8'),
    '/home/rip/store/mcollective/agent/web.json': description,
  };
}

test('hosts of services share the requests, and run no other agents, registration or status file', async () => {
  await using broker = await startTestBroker({tls: true});
  const watcher = await openConnection({
    platform,
    logger: silentLogger,
    name: 'watcher',
    servers: () => Promise.resolve([`tls://localhost:${broker.port}`]),
    tls: {material: testTlsMaterial('alice'), verify: true},
    inboxPrefix: 'watcher.reply',
  });
  const events: string[] = [];
  watcher.subscribe('choria.lifecycle.event.>', (message) => void events.push(message.payload.toString('utf8')));
  await watcher.flush({timeoutMs: 5_000});

  const stop = new AbortController();
  const output: string[] = [];
  const runs = ['node1', 'node2'].map((name) =>
    runCliForTest({
      argv: ['choria', 'server', 'run', '--config', '/home/rip/server.conf', '--service-host'],
      files: hostFiles(name, broker.port),
      signal: stop.signal,
      onOutput: (text) => void output.push(text),
    }),
  );
  try {
    await expect.poll(() => events.length, {timeout: 20_000}).toBe(2);
    for (const event of events) {
      expect(JSON.parse(event)).toMatchObject({
        type: 'io.choria.lifecycle.v1.startup',
        data: {component: 'service_host'},
      });
    }
    const config = await configFromEntries(
      {
        ...certificate('alice'),
        identity: 'alice.mcollective',
        'plugin.choria.middleware_hosts': `localhost:${broker.port}`,
      },
      {platform, mode: 'user'},
    );
    await using client = createClient({
      config,
      platform: {...platform, env: {...platform.env, USER: 'alice'}},
      logger: silentLogger,
    });
    const answers: unknown[] = [];
    for (let count = 0; count < 4; count++) {
      for await (const {sender, data} of client.request('choria_registry', 'names', {plugin_type: 'agent'})) {
        expect(['node1.example.net', 'node2.example.net']).toContain(sender);
        answers.push(data);
      }
    }
    // One answer for each request, whoever gave it.
    expect(answers).toEqual(Array.from({length: 4}, () => ({names: ['web'], plugin_type: 'agent'})));

    const direct = client.request('rpcutil', 'ping', {}, {targets: ['node1.example.net'], timeoutMs: 500});
    expect([...(await direct.finished).noResponses]).toEqual(['node1.example.net']);
  } finally {
    stop.abort();
  }
  const results = await Promise.all(runs);
  expect(results.map(({exit}) => exit)).toEqual([0, 0]);
  const log = output.join('');
  for (const name of ['rpcutil', 'choria_util', 'discovery', 'scout']) {
    expect(log).toContain(`Denying non Service Agent ${name}`);
  }
  expect(log).toContain('service_host=true');
  expect(log).not.toContain('registration');
  await watcher.close();
});
