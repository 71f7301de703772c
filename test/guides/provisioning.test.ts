/** The guide to provisioning: its token, its helper and its settings make a node of a machine without configuration. */
import {chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {startTestBroker} from '../support/broker.ts';
import {guideBlocks, runGuide} from '../support/guide.ts';

test('the guide to provisioning works as it is written', {timeout: 60_000}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'choria-guide-'));
  const at = (...names: readonly string[]): string => join(root, ...names);
  for (const name of ['etc', 'bin', 'state']) mkdirSync(at(name));
  await using broker = await startTestBroker({tls: true});
  const block = (language: string): string =>
    guideBlocks('provisioning').find((item) => item.language === language)?.text ?? '';
  const local = (text: string): string => text.replaceAll(/(?:broker|prov)\.example\.net/g, '127.0.0.1');
  try {
    await runGuide('provisioning', {
      directory: at('etc'),
      cli: {
        ports: new Map([[4222, broker.port]]),
        mounts: [
          {virtual: '/etc/choria', real: at('etc')},
          {virtual: '/usr/local/bin', real: at('bin')},
          {virtual: '/var/lib/choria', real: at('state')},
          {virtual: '/pki', real: fileURLToPath(new URL('../fixtures/pki', import.meta.url))},
        ],
        cwd: '/etc/choria',
        env: {MCOLLECTIVE_CERTNAME: 'alice.mcollective'},
      },
      rules: [
        {starts: 'choria jwt provisioning', instead: {'prov.example.net': '127.0.0.1'}},
        {starts: 'choria server run', ready: /level=info/},
        {
          starts: 'choria provisioner run',
          before: () => {
            writeFileSync(at('bin/helper'), local(block('sh')));
            chmodSync(at('bin/helper'), 0o755);
            writeFileSync(at('etc/provisioner.yaml'), block('yaml'));
            writeFileSync(
              at('etc/client.conf'),
              [
                'plugin.choria.middleware_hosts = 127.0.0.1:4222',
                'plugin.security.provider = file',
                'plugin.security.file.certificate = /pki/alice.pem',
                'plugin.security.file.key = /pki/alice.key',
                'plugin.security.file.ca = /pki/ca.pem',
              ].join('\n'),
            );
          },
          ready: /provisioned/,
        },
      ],
    });
    expect(existsSync(at('etc/server.conf'))).toBe(true);
    const configured = readFileSync(at('etc/server.conf'), 'utf8');
    expect(configured).toContain('plugin.choria.middleware_hosts=127.0.0.1:4222');
    expect(configured).toContain('identity=client.example.net');
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
});
