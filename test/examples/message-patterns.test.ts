/** Every command of the guide runs and ends well, in the order of the guide. */
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {createBrokerAuthenticator} from '../../src/broker/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {startTestBroker, testTlsMaterial} from '../support/broker.ts';
import {type CliTestResult, runCliForTest} from '../support/cli.ts';

const guide = readFileSync(new URL('../../docs/guides/message-patterns.md', import.meta.url), 'utf8');
const blocks = [...guide.matchAll(/```console\n([\s\S]*?)```/g)].map((match) => (match[1] ?? '').trim().split('\n'));

/** Words of a shell line with single quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

test('the guide to message patterns works as it is written', async () => {
  await using broker = await startTestBroker({
    tls: {material: testTlsMaterial('broker'), clientCertificates: 'if-given'},
    accounts: ['choria', 'system'],
    systemAccount: 'system',
    authenticator: createBrokerAuthenticator({
      clock: createNodePlatform().clock,
      allowedCallers: ['.*'],
      system: {user: 'system', password: 's3cret'},
    }),
  });
  const config = [
    'plugin.security.provider = file',
    'plugin.security.file.certificate = /pki/alice.pem',
    'plugin.security.file.key = /pki/alice.key',
    'plugin.security.file.ca = /pki/ca.pem',
    'plugin.choria.network.system.user = system',
    'plugin.choria.network.system.password = s3cret',
    `plugin.choria.middleware_hosts = localhost:${broker.port}`,
  ].join('\n');
  const run = (line: string): Promise<CliTestResult> =>
    runCliForTest({
      argv: [...wordsOf(line), '--config', '/home/rip/client.conf'],
      files: {'/home/rip/client.conf': `${config}\n`},
      mounts: [{virtual: '/pki', real: fileURLToPath(new URL('../fixtures/pki', import.meta.url))}],
    });
  const {clock} = createNodePlatform();
  const {core} = broker.engine.monitoring;
  expect(blocks.length).toBeGreaterThan(5);
  for (const lines of blocks) {
    const background: Promise<CliTestResult>[] = [];
    for (const line of lines) {
      expect(line).toMatch(/^\$ choria broker /);
      const isBackground = line.endsWith(' &');
      const before = core.subscriptionCount;
      const running = run(line.slice(2).replace(/ &$/, ''));
      if (!isBackground) {
        expect(await running).toMatchObject({exit: 0});
        continue;
      }
      background.push(running);
      while (core.subscriptionCount === before) await new Promise<void>((resolve) => void clock.setTimer(resolve, 5));
    }
    for (const result of await Promise.all(background)) expect(result).toMatchObject({exit: 0});
  }
});
