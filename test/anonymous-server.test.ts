/** Servers that show brokers a token in the place of a certificate, and still believe nobody without a signature. */
import {readFileSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {RunningBroker} from '../src/broker/index.ts';
import {createClient} from '../src/client/index.ts';
import {configFromEntries} from '../src/config/index.ts';
import {createSecurityProvider, openConnection} from '../src/connect/index.ts';
import {createUnsignedProvider} from '../src/crypto/index.ts';
import {silentLogger} from '../src/lib/logger.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {encodeRequest, encodeTransport, nodeSubject} from '../src/protocol/index.ts';
import {createServer} from '../src/server/index.ts';
import {testTlsMaterial} from './support/broker.ts';
import {newRequest} from './support/callers.ts';
import {createOrganization, type Organization} from './support/organization.ts';
import {createRecordingLogger} from './support/recording-logger.ts';
import {pkiFile, startConfiguredBroker} from './support/supervised.ts';

const identity = 'n7.example.net';
const env = {...process.env, USER: 'alice', MCOLLECTIVE_CERTNAME: 'alice.mcollective'};
const platform = {...createNodePlatform(), env};
let organization: Organization;
let broker: RunningBroker;

beforeAll(async () => {
  organization = createOrganization();
  broker = await startConfiguredBroker({
    'plugin.choria.network.engine': 'embedded',
    'plugin.choria.network.client_signer_cert': organization.issuerPublic,
    'plugin.choria.network.server_signer_cert': organization.issuerPublic,
  });
});

afterAll(async () => {
  await broker.stop();
  organization[Symbol.dispose]();
});

async function configOf(change: Readonly<Record<string, string>> = {}) {
  const holder = await organization.server(identity, {claims: {collectives: ['mcollective']}});
  return configFromEntries(
    {
      identity,
      collectives: 'mcollective',
      'plugin.choria.middleware_hosts': `localhost:${broker.port}`,
      'plugin.security.provider': 'file',
      'plugin.security.file.ca': pkiFile('ca.pem'),
      'plugin.security.server_anon_tls': 'true',
      'plugin.choria.security.server.token_file': holder.tokenFile,
      'plugin.choria.security.server.seed_file': holder.seedFile,
      rpcauthorization: 'false',
      ...change,
    },
    {platform, mode: 'server'},
  );
}

describe('a server without a certificate', () => {
  test('is in the fleet by its token, answers who signed, and nobody else', async () => {
    const logger = createRecordingLogger();
    const server = await createServer({
      config: await configOf(),
      platform,
      memory: 'memory',
      logger,
      facts: async () => ({}),
    });
    await server.start();
    try {
      const config = await configFromEntries(
        {
          identity: 'dev1.example.net',
          collectives: 'mcollective',
          'plugin.choria.middleware_hosts': `localhost:${broker.port}`,
          'plugin.security.provider': 'file',
          'plugin.security.file.certificate': pkiFile('alice.pem'),
          'plugin.security.file.key': pkiFile('alice.key'),
          'plugin.security.file.ca': pkiFile('ca.pem'),
        },
        {platform, mode: 'user'},
      );
      await using client = createClient({config, platform});
      const replies = client.request('rpcutil', 'ping', {}, {targets: [identity], timeoutMs: 5000});
      const statistics = await replies.finished;
      expect(statistics.responses).toBe(1);

      await using attacker = await openConnection({
        platform,
        name: 'attacker',
        servers: [`tls://localhost:${broker.port}`],
        tls: {material: testTlsMaterial('alice'), verify: false},
        inboxPrefix: 'mcollective.reply.x',
      });
      const answers: string[] = [];
      const replyTo = 'mcollective.reply.37bdf08389145a56c13096c178802d3b.1';
      attacker.subscribe(replyTo, ({payload}) => void answers.push(payload.toString()));
      const forged = await encodeRequest(newRequest(Date.now()), {
        provider: createUnsignedProvider({certname: 'alice.mcollective'}),
      });
      attacker.publish(
        nodeSubject('mcollective', identity),
        encodeTransport({version: 1, payload: forged, replyTo, senderId: 'dev1.example.net', trace: []}),
      );
      await attacker.flush({timeoutMs: 5000});
      await expect
        .poll(() => logger.lines.some(({message}) => /refus|Cannot verify|Cannot read cert/i.test(message)))
        .toBe(true);
      expect(answers).toEqual([]);
    } finally {
      await server.stop({graceMs: 0});
    }
  });

  test.each([
    {
      what: 'of another server',
      change: async () => ({
        'plugin.choria.security.server.token_file': (await organization.server('n8.example.net')).tokenFile,
      }),
      says: /identity n7.example.net does not match caller n8.example.net in JWT token/,
    },
    {
      what: 'of a client',
      change: async () => ({
        'plugin.choria.security.server.token_file': (await organization.client('up=bob')).tokenFile,
      }),
      says: /is not a server token/,
    },
    {
      what: 'whose seed is another’s',
      change: async () => ({
        'plugin.choria.security.server.seed_file': (await organization.server('n9.example.net')).seedFile,
      }),
      says: /does not belong to the token/,
    },
    {
      what: 'that is not there',
      change: async () => ({'plugin.choria.security.server.token_file': '/nowhere/server.jwt'}),
      says: /Cannot read the token of this server in "\/nowhere\/server.jwt"/,
    },
    {
      what: 'without an authority to verify requests by',
      change: async () => ({'plugin.security.file.ca': ''}),
      says: /the CA path is not configured/,
    },
  ])('a token $what is an error at the start', async ({change, says}) => {
    const config = await configOf(await change());
    await expect(createSecurityProvider(config, {platform, mode: 'server', logger: silentLogger})).rejects.toThrow(
      says,
    );
  });

  test('uses a renewed token, and never one of another name', async () => {
    const config = await configOf();
    const provider = await createSecurityProvider(config, {platform, mode: 'server', logger: silentLogger});
    const before = provider.brokerToken?.token;
    const holder = await organization.server(identity, {validityMs: 7_200_000});
    expect(await provider.refresh?.()).toBe(true);
    expect(provider.brokerToken?.token).not.toBe(before);
    const renewed = provider.brokerToken?.token;
    const other = await organization.server('n8.example.net');
    writeFileSync(holder.tokenFile, readFileSync(other.tokenFile));
    await expect(provider.refresh?.()).rejects.toThrow(/does not match/);
    expect(provider.brokerToken?.token).toBe(renewed);
  });
});
