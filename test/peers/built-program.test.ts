/** What the built program does and its sources do not show: it is one file, compiled beforehand, and loads some of its parts late. */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {freePort} from '../support/programs.ts';
import {choria, RealOrganisation} from '../support/real-organisation.ts';

test('the built program asks over HTTPS: enrolment tells that nobody listens', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'choria-built-'));
  try {
    const config = join(directory, 'client.conf');
    // Nobody is ever given this port by chance.
    const settings = {provider: 'puppet', host: 'localhost', port: '1'};
    writeFileSync(
      config,
      `plugin.security.provider = ${settings.provider}\nplugin.choria.ssldir = ${join(directory, 'ssl')}\nplugin.choria.puppetca_host = ${settings.host}\nplugin.choria.puppetca_port = ${settings.port}\n`,
    );
    const {exit, stdout, stderr} = await choria(['enroll', '--config', config]);
    expect(`${stdout}${stderr}`).toMatch(/ECONNREFUSED|connection refused/);
    expect(exit).toBe(1);
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
});

test('the built broker gives its metrics', async () => {
  const organisation = await RealOrganisation.create('tokens');
  try {
    let stats = 0;
    await organisation.startBroker('broker-metrics', async (member) => {
      stats = await freePort();
      member.set('plugin.choria.stats_port', String(stats));
      member.set('plugin.choria.stats_address', '127.0.0.1');
    });
    await expect
      .poll(
        () =>
          fetch(`http://127.0.0.1:${stats}/choria/prometheus`).then(
            (response) => response.text(),
            () => '',
          ),
        {timeout: 30_000},
      )
      .toMatch(/^choria_/m);
  } finally {
    await organisation.stop();
  }
});
