/** The guide to central login and signing: its keys, its files, its service, and a request that it signed. */
import {copyFileSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {startBroker} from '../../src/broker/index.ts';
import {configFromEntries} from '../../src/config/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createServer} from '../../src/server/index.ts';
import {bcryptOfSecret} from '../support/aaa.ts';
import {guideBlocks, runGuide} from '../support/guide.ts';
import {createOrganization} from '../support/organization.ts';

const pki = (name: string): string => fileURLToPath(new URL(`../fixtures/pki/${name}`, import.meta.url));
const platform = createNodePlatform();

test('the guide to central login and signing works as it is written', {timeout: 60_000}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'choria-guide-'));
  const at = (...names: readonly string[]): string => join(root, ...names);
  for (const name of ['etc', 'home', 'home/.choria', 'log']) mkdirSync(at(name));
  const ends: (() => unknown)[] = [() => rmSync(root, {recursive: true, force: true})];
  const ports = new Map<number, number>();

  /** Everything beside the guide: a broker and a node of the organisation whose issuer the guide made, and the files that it shows. */
  async function prepare(): Promise<void> {
    const organization = createOrganization(Buffer.from(readFileSync(at('etc/issuer.seed'), 'utf8').trim(), 'hex'));
    ends.push(() => organization[Symbol.dispose]());
    const broker = await startBroker({
      config: await configFromEntries(organization.brokerEntries(await organization.client('broker.example.net')), {
        platform,
        mode: 'server',
      }),
      platform,
      logger: silentLogger,
    });
    ends.push(() => broker.stop());
    const hosts = `localhost:${broker.port}`;
    const node = await createServer({
      config: await configFromEntries(
        {
          ...organization.entries(await organization.server('n1.example.net')),
          identity: 'n1.example.net',
          'plugin.choria.middleware_hosts': hosts,
          rpcauthorization: '0',
        },
        {platform, mode: 'server'},
      ),
      platform,
      memory: 'memory',
    });
    await node.start();
    ends.push(() => node.stop({graceMs: 0}));

    const blocks = guideBlocks('aaa-service');
    const [users = '', settings = ''] = blocks.filter(({language}) => language === 'json').map(({text}) => text);
    writeFileSync(
      at('etc/users.json'),
      users.replace(/\$2y\$12\$\.\.\./, () => bcryptOfSecret),
      {mode: 0o600},
    );
    writeFileSync(at('etc/config.json'), settings.replace('ISSUER PUBLIC KEY', organization.issuerPublic));
    copyFileSync(pki('broker.pem'), at('etc/tls.pem'));
    copyFileSync(pki('broker.key'), at('etc/tls.key'));
    chmodSync(at('etc/tls.key'), 0o600);
    const [client = ''] = blocks.filter(({language}) => language === 'ini').map(({text}) => text);
    const usual = Object.entries({
      ...organization.entries({tokenFile: '', seedFile: '', publicKey: ''}),
      'plugin.choria.middleware_hosts': hosts,
    }).filter(([, value]) => value !== '');
    const lines = usual.map(([key, value]) => `${key} = ${value}\n`).join('');
    writeFileSync(at('home/.choriarc'), lines + client.replaceAll('aaa.example.net', 'localhost'));
  }

  try {
    await runGuide('aaa-service', {
      directory: at('etc'),
      cli: {
        ports,
        mounts: [
          {virtual: '/etc/choria-aaa', real: at('etc')},
          {virtual: '/home/rip', real: at('home')},
          {virtual: '/var/log', real: at('log')},
        ],
        cwd: '/etc/choria-aaa',
      },
      rules: [
        {starts: 'choria aaa run', before: prepare, ready: /Listening for logins and requests/},
        {
          starts: 'choria login',
          cli: {tty: {cols: 80, rows: 24}, typed: ['bob', 'secret']},
          prints: /Token saved to \/home\/rip\/\.choria\/client\.jwt/,
        },
        {starts: 'choria req', prints: /Finished processing 1 \/ 1 hosts/},
      ],
    });
    expect(readFileSync(at('log/choria-aaa-audit.log'), 'utf8')).toMatch(/"caller":"up=bob"/);
  } finally {
    for (const end of ends.reverse()) await end();
  }
});
