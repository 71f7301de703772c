/** The guide to policies, with the real opa. */
import {copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createServer} from '../../src/server/index.ts';
import {startTestBroker} from '../support/broker.ts';
import {type CliTestRun, runCliForTest} from '../support/cli.ts';
import {guideBlocks, runGuide} from '../support/guide.ts';
import {createOrganization} from '../support/organization.ts';

const pki = fileURLToPath(new URL('../fixtures/pki', import.meta.url));
const policy = [
  'policy default deny',
  // The certificate and the token of the test stand for bob's.
  'allow\tchoria=bob.mcollective choria=alice.mcollective bob\trunonce\t*\t*',
].join('\n');

function security(name: string, port: number): Readonly<Record<string, string>> {
  return {
    'plugin.choria.middleware_hosts': `localhost:${port}`,
    'plugin.security.provider': 'file',
    'plugin.security.file.certificate': join(pki, `${name}.pem`),
    'plugin.security.file.key': join(pki, `${name}.key`),
    'plugin.security.file.ca': join(pki, 'ca.pem'),
  };
}

test('the guide to policies works as it is written', async () => {
  const root = mkdtempSync(join(tmpdir(), 'choria-guide-'));
  const at = (...names: readonly string[]): string => join(root, ...names);
  const platform = createNodePlatform();
  using organization = createOrganization();
  try {
    for (const name of ['etc/policies', 'home', 'rego/policies/rego']) mkdirSync(at(name), {recursive: true});
    writeFileSync(at('etc/server.conf'), 'identity = here.example.net\nrpcauthprovider = action_policy\n');
    writeFileSync(at('etc/policies/puppet.policy'), `${policy}\n`);
    copyFileSync(join(pki, 'alice.pem'), at('home/bob.pem'));
    copyFileSync((await organization.client('bob')).tokenFile, at('home/bob.jwt'));
    await using broker = await startTestBroker({tls: true});
    const entries = {...security('node1', broker.port), identity: 'web1.example.net', rpcauthorization: '0'};
    const config = await configFromEntries(entries, {platform, mode: 'server'});
    await using server = await createServer({config, platform, memory: 'memory'});
    await server.start();
    const client = Object.entries(security('alice', broker.port)).map(([key, value]) => `${key} = ${value}\n`);
    writeFileSync(at('home/.choriarc'), client.join(''));
    const cli: Omit<CliTestRun, 'argv'> = {
      mounts: [
        {virtual: '/etc/choria', real: at('etc')},
        {virtual: '/home/rip', real: at('home')},
        {virtual: '/srv/rego', real: at('rego')},
      ],
      env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'},
    };
    const rego = guideBlocks('policies').find(({language}) => language === 'rego')?.text ?? '';
    writeFileSync(
      at('rego/server.conf'),
      'identity = web1.example.net\nrpcauthprovider = rego_policy\nplugin.yaml = /srv/rego/facts.json\n',
    );
    writeFileSync(at('rego/facts.json'), '{"env":"staging"}');
    await runGuide('policies', {
      directory: at('rego/policies/rego'),
      cli,
      rules: [
        {starts: 'choria policy explain', prints: /puppet\.policy/},
        {
          starts: 'choria policy explain puppet runonce --certificate',
          prints: /web1\.example\.net[\s\S]*puppet\.policy/,
        },
        {starts: 'opa build', before: () => writeFileSync(at('rego/policies/rego/puppet.rego'), rego)},
      ],
    });
    // What was compiled decides where there is no opa and no source.
    rmSync(at('rego/policies/rego/puppet.rego'));
    const explain = (...call: readonly string[]): Promise<{readonly exit: number}> =>
      runCliForTest({
        ...cli,
        argv: [
          'choria',
          'policy',
          'explain',
          'puppet',
          ...call,
          '--caller',
          'choria=bob.mcollective',
          '--policies',
          '/srv/rego/server.conf',
        ],
      });
    expect(await explain('status')).toMatchObject({exit: 0});
    expect(await explain('runonce')).toMatchObject({exit: 1});
    expect(await explain('runonce', 'noop=true')).toMatchObject({exit: 0});
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
});
