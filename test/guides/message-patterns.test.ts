/** The guide to message patterns, against a broker with two accounts. */
import {tmpdir} from 'node:os';
import {fileURLToPath} from 'node:url';
import {test} from 'vitest';
import {createBrokerAuthenticator} from '../../src/broker/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {startTestBroker, testTlsMaterial} from '../support/broker.ts';
import {runGuide} from '../support/guide.ts';

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
  await runGuide('message-patterns', {
    directory: tmpdir(),
    cli: {
      files: {'/home/rip/.choriarc': `${config}\n`},
      mounts: [{virtual: '/pki', real: fileURLToPath(new URL('../fixtures/pki', import.meta.url))}],
    },
    begun: () => broker.engine.monitoring.core.subscriptionCount,
    rules: [
      {starts: 'choria broker request time.utc', prints: /noon/},
      {starts: 'choria broker request who.is.there', prints: /first[\s\S]*second|second[\s\S]*first/},
      {starts: "choria broker subscribe 'weather.>'", prints: /north, 20 knots[\s\S]*none/},
    ],
  });
});
