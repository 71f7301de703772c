/** The guides to studies and simulations: smaller than they say, and with processes of their own as they say. */
import {appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {expect, test} from 'vitest';
import {startBroker} from '../../src/broker/index.ts';
import {callerName, writeMembers, writeOrganisation} from '../../src/cli/demo/fleet-files.ts';
import {loadConfig} from '../../src/config/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {guideBlocks, runGuide} from '../support/guide.ts';
import {choriaCommand, freePort} from '../support/programs.ts';

const repository = join(import.meta.dirname, '..', '..');

/** Further processes of the program run from its sources. */
function platformOfSources(): Platform {
  const platform = createNodePlatform();
  const [command = '', ...args] = choriaCommand;
  return {...platform, host: {...platform.host, self: {command, args}}};
}

test('the guide to studies works as it is written, with fewer servers', {timeout: 180_000}, async () => {
  const platform = platformOfSources();
  const root = mkdtempSync(join(tmpdir(), 'choria-guide-'));
  const brokerConfig = await writeOrganisation(platform, root);
  const config = await loadConfig({platform, mode: 'server', path: brokerConfig});
  const broker = await startBroker({config, platform, logger: silentLogger});
  try {
    const files = await writeMembers(platform, {directory: root, brokerAddress: `localhost:${broker.port}`});
    const directory = dirname(dirname(files.authorityKey));
    appendFileSync(files.clientConfig, `\nlibdir = ${join(directory, 'lib')}\n`);
    const fleet = guideBlocks('studying-fleets').find(({language}) => language === 'yaml')?.text ?? '';
    writeFileSync(join(directory, 'fleet.yaml'), fleet.replace('count: 10000', 'count: 4'));
    const monitor = String(await freePort());
    const configs = {
      'emulator.conf': files.emulatorConfig,
      'client.conf': files.clientConfig,
      'server.conf': files.serverConfigs[0] ?? '',
    };
    await runGuide('studying-fleets', {
      directory,
      cli: {platform, cwd: directory, env: {MCOLLECTIVE_CERTNAME: callerName}},
      rules: [
        {starts: 'choria emulate', instead: {...configs, 2000: '5'}, ready: /Emulated \d+ servers are running/},
        {starts: 'choria emulate --config emulator.conf --file fleet.yaml --write-ddls', instead: configs},
        {
          starts: 'choria emulate --controller',
          instead: configs,
          ready: /The agent emulator runs on web1\.example\.net/,
        },
        {starts: 'choria req slow', instead: configs, prints: /Finished processing 4 \/ 4 hosts/},
        {starts: 'choria req emulator', instead: {...configs, 8080: monitor}, prints: /1 \/ 1 hosts/},
        {starts: 'choria req emulator start', instead: {...configs, 8080: monitor, 5000: '3'}, prints: /1 \/ 1 hosts/},
        {
          starts: 'choria req emulator status',
          instead: {...configs, 8080: monitor},
          more: ['--json'],
          prints: /"running": true/,
        },
        {
          starts: 'choria study',
          instead: {1000: '5', 8000: '10'},
          more: ['--runs', '1', '--scenario', 'ping'],
          after: () =>
            expect(readdirSync(join(directory, 'report')).toSorted()).toEqual([
              'report.html',
              'report.json',
              'report.md',
            ]),
        },
      ],
    });
  } finally {
    await broker.stop();
    rmSync(root, {recursive: true, force: true});
  }
});

test('the guide to simulations works as it is written, for fewer minutes', {timeout: 180_000}, async () => {
  await runGuide('simulate-your-automation', {
    directory: repository,
    cli: {},
    rules: [
      {starts: 'npm run sim', instead: {'--minutes 60 --nodes 100': '--minutes 1 --nodes 4'}},
      {
        starts: 'npm run sim -- --seed 1 --minutes 10',
        instead: {'--minutes 10 --nodes 10 --seeds 100': '--minutes 1 --nodes 3 --seeds 2'},
      },
    ],
  });
});
