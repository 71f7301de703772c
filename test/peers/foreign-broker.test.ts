/** Our client and nodes over a plain nats-server, which cannot say who listens: the documented windows hold, and doubt is told. */
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {createClient} from '../../src/client/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createServer} from '../../src/server/index.ts';
import {startAnsweringNodes} from '../support/answering-nodes.ts';
import {runCliForTest} from '../support/cli.ts';
import {missingPeer, startNatsServer} from './nats-server.ts';

const pki = fileURLToPath(new URL('../fixtures/pki/', import.meta.url));
const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');
const tls = `tls { cert_file: "${pki}broker.pem", key_file: "${pki}broker.key", ca_file: "${pki}ca.pem", verify: true }`;
const platform = createNodePlatform();
const asAlice = {...platform, env: {...platform.env, MCOLLECTIVE_CERTNAME: 'alice.mcollective'}};

const entries = (name: string, identity: string, port: number): Readonly<Record<string, string>> => ({
  identity,
  'plugin.choria.middleware_hosts': `localhost:${port}`,
  'plugin.security.provider': 'file',
  'plugin.security.file.certificate': `${pki}${name}.pem`,
  'plugin.security.file.key': `${pki}${name}.key`,
  'plugin.security.file.ca': `${pki}ca.pem`,
  discovery_timeout: '1',
});

describe.skipIf(skip)('with a broker that has no interest service', () => {
  test('discovery keeps its window, a request its timeout, and each silence is told as unknown', async () => {
    await using peer = await startNatsServer({config: tls});
    const {port} = peer;
    const server = await createServer({
      config: await configFromEntries(
        {...entries('node1', 'n1.example.net', port), rpcauthorization: '0'},
        {platform, mode: 'server'},
      ),
      platform,
      memory: 'memory',
    });
    await server.start();
    const config = await configFromEntries(entries('alice', 'client.example.net', port), {
      platform: asAlice,
      mode: 'user',
    });
    await using client = createClient({config, platform: asAlice});
    const found = await client.discover({timeoutMs: 700});
    expect(found).toMatchObject({identities: ['n1.example.net'], complete: false, isKnown: false, missing: []});
    expect(found.elapsedMs).toBeGreaterThanOrEqual(690);
    expect(found.isCutOff).toBeUndefined();

    const targets = ['n1.example.net', 'gone.example.net'];
    const asked = await client.perform({agent: 'rpcutil', action: 'ping', data: {}, targets, timeoutMs: 700});
    expect(asked).toMatchObject({
      responses: 1,
      knowsConnected: false,
      silences: [{identity: 'gone.example.net', reason: 'unknown'}],
    });
    expect(asked.requestMs).toBeGreaterThanOrEqual(690);
    // Nodes of ours still say when they will not answer, so nobody waits for those.
    const bare = await client.perform({
      agent: 'nothing',
      action: 'x',
      data: {},
      targets: ['n1.example.net'],
      timeoutMs: 30_000,
    });
    expect(bare.silences).toEqual([{identity: 'n1.example.net', reason: 'no-agent'}]);
    await server.stop({graceMs: 0});
  });

  test('answers that still come when the window closes are told as a doubt, without being asked', async () => {
    await using peer = await startNatsServer({config: tls});
    const names = Array.from({length: 40}, (_unused, index) => `n${index}.example.net`);
    // One answers every 50 ms: the window of a second closes between them.
    const nodes = await Promise.all(
      names.map((name, index) =>
        startAnsweringNodes({url: `tls://localhost:${peer.port}`, names: [name], answersAfterMs: index * 50}),
      ),
    );
    const lines = Object.entries({...entries('alice', 'client.example.net', peer.port), loglevel: 'error'});
    const run = await runCliForTest({
      argv: ['choria', 'find', '--config', '/home/rip/client.conf'],
      files: {'/home/rip/client.conf': lines.map(([key, value]) => `${key} = ${value}\n`).join('')},
      env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'},
      mounts: [{virtual: pki.replace(/\/$/, ''), real: pki.replace(/\/$/, '')}],
    });
    expect(run.exit).toBe(0);
    expect(run.stdout.split('\n').length).toBeLessThan(names.length);
    expect(run.stderr).toContain('Answers were still coming when the discovery timeout was over');
    await Promise.all(nodes.map((node) => node.stop()));
  });
});
