/** The guide to agents: the agent that is generated passes its tests, and a data plugin of a few lines answers queries and filters. */
import {chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {test} from 'vitest';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createServer} from '../../src/server/index.ts';
import {bundledAgentHost} from '../support/agent-host.ts';
import {startTestBroker} from '../support/broker.ts';
import {runGuide} from '../support/guide.ts';

const pki = fileURLToPath(new URL('../fixtures/pki', import.meta.url));

const folderPlugin = {
  metadata: {
    name: 'folder',
    description: 'Size of a folder',
    author: 'Ops <ops@example.net>',
    license: 'Apache-2.0',
    version: '1.0.0',
    url: 'https://example.net',
    timeout: 5,
    provider: 'external',
  },
  query: {prompt: 'Folder', description: 'Its path', type: 'string', validation: '.', maxlength: 256, optional: false},
  output: {size: {description: 'Bytes', display_as: 'Size', type: 'integer', default: 0}},
};

function security(name: string, port: number): Readonly<Record<string, string>> {
  return {
    'plugin.choria.middleware_hosts': `localhost:${port}`,
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': join(pki, `${name}.pem`),
    'plugin.security.file.key': join(pki, `${name}.key`),
    'plugin.security.file.ca': join(pki, 'ca.pem'),
  };
}

/** What installing the package does: the generated agent imports \`choria/agent\`. */
async function installPackage(directory: string): Promise<void> {
  const folder = join(directory, 'node_modules', 'choria');
  mkdirSync(folder, {recursive: true});
  writeFileSync(join(folder, 'package.json'), JSON.stringify({type: 'module', exports: {'./agent': './agent.js'}}));
  const door = pathToFileURL(join(dirname(await bundledAgentHost()), '../../rpc/agent.js')).href;
  writeFileSync(join(folder, 'agent.js'), `export * from ${JSON.stringify(door)};\n`);
}

test('the guide to agents works as it is written', {timeout: 60_000}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'choria-guide-'));
  const platform = createNodePlatform();
  try {
    const data = join(root, 'lib/mcollective/data');
    mkdirSync(data, {recursive: true});
    writeFileSync(join(data, 'folder.json'), JSON.stringify(folderPlugin));
    writeFileSync(join(data, 'folder'), `#!/bin/sh\necho '{"data":{"size":2000000}}' > "$CHORIA_EXTERNAL_REPLY"\n`);
    chmodSync(join(data, 'folder'), 0o755);
    await using broker = await startTestBroker({tls: true});
    const entries = {
      ...security('node1', broker.port),
      identity: 'n1.example.net',
      'plugin.choria.agent_provider.mcorpc.libdir': join(root, 'lib'),
      rpcauthorization: '0',
    };
    const config = await configFromEntries(entries, {platform, mode: 'server'});
    await using server = await createServer({config, platform, memory: 'memory'});
    await server.start();
    const client = Object.entries(security('alice', broker.port)).map(([key, value]) => `${key} = ${value}\n`);
    await runGuide('agents', {
      directory: root,
      cli: {
        mounts: [{virtual: '/etc/choria', real: root}],
        env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'},
        files: {'/home/rip/.choriarc': client.join('')},
      },
      rules: [
        {starts: 'npm test', before: () => installPackage(root), instead: {'/etc/choria': root}, prints: /pass 3/},
        {starts: 'choria req rpcutil get_data', prints: /2000000/},
        {starts: 'choria find -S', prints: /^n1\.example\.net$/m},
      ],
    });
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
});
