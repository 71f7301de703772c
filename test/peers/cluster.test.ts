/**
 * A cluster of three brokers of ours on real nats-servers carries a fleet through the loss of each member.
 *
 * Every request reaches every server once and has every answer, also those that are under way at that moment. `CHORIA_CLUSTER_FLEET=60 npm run peers`
 * is quicker.
 */
import {randomBytes} from 'node:crypto';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {createClient} from '../../src/client/index.ts';
import {type Config, configFromEntries} from '../../src/config/index.ts';
import {issueCertificate, issueCertificateAuthority} from '../../src/crypto/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createEmulator} from '../../src/server/index.ts';
import {startTestCluster} from '../support/cluster.ts';
import {missingPeer} from './nats-server.ts';

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');
const fleetSize = Number(process.env['CHORIA_CLUSTER_FLEET'] ?? 300);
const random = {bytes: (count: number): Buffer => randomBytes(count)};

/** An authority of its own, with files for brokers, servers and a caller. */
async function makeOrganisation(directory: string) {
  const nowMs = Date.now();
  const authority = await issueCertificateAuthority({commonName: 'Cluster CA', nowMs, random, keyKind: 'ec'});
  const file = (name: string): string => join(directory, name);
  await writeFile(file('ca.pem'), authority.certificatePem);
  const issue = async (name: string, dnsNames: readonly string[]): Promise<Record<string, string>> => {
    const issued = await issueCertificate({authority, commonName: name, dnsNames, nowMs, random});
    await writeFile(file(`${name}.pem`), issued.certificatePem);
    await writeFile(file(`${name}.key`), issued.keyPem, {mode: 0o600});
    return {
      'plugin.security.provider': 'file',
      'plugin.security.file.certificate': file(`${name}.pem`),
      'plugin.security.file.key': file(`${name}.key`),
      'plugin.security.file.ca': file('ca.pem'),
    };
  };
  return {authority, issue};
}

describe.skipIf(skip)('a cluster of three nats-servers under our supervision', () => {
  test('carries a fleet through the loss of each member: no request is lost, and none is doubled', {
    timeout: 400_000,
  }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'choria-cluster-'));
    const platform = createNodePlatform();
    try {
      const {authority, issue} = await makeOrganisation(directory);
      await using cluster = await startTestCluster(3, await issue('broker.example.net', ['localhost']));
      const hosts = {
        'plugin.choria.middleware_hosts': cluster.urls.map((url) => url.replace('127.0.0.1', 'localhost')).join(', '),
      };
      const serverConfig: Config = await configFromEntries(
        {...(await issue('node.example.net', ['node.example.net'])), ...hosts, rpcauthorization: '0'},
        {platform, mode: 'server'},
      );
      await using emulator = await createEmulator({
        config: serverConfig,
        platform,
        logger: silentLogger,
        count: fleetSize,
        identity: 'node-{n:4}.example.net',
        authority,
      });
      await emulator.start();
      const env = {...platform.env, MCOLLECTIVE_CERTNAME: 'ops.mcollective'};
      const callerPlatform = {...platform, env};
      const callerConfig = await configFromEntries(
        {...(await issue('ops.mcollective', ['ops.mcollective'])), ...hosts},
        {platform: callerPlatform, mode: 'user'},
      );
      await using client = createClient({config: callerConfig, platform: callerPlatform});
      const targets = emulator.servers.map((server) => server.identity);
      let requests = 0;
      /** Who answered, twice where twice; and why others did not. */
      const ask = async (): Promise<{readonly senders: readonly string[]; readonly silences: readonly unknown[]}> => {
        requests += 1;
        const senders: string[] = [];
        const request = client.request('rpcutil', 'ping', {}, {targets, requestTimeoutMs: 40_000});
        for await (const reply of request) senders.push(reply.sender);
        return {senders: senders.sort(), silences: (await request.finished).silences.slice(0, 5)};
      };
      const everybody = {senders: targets.toSorted(), silences: []};
      await expect.poll(() => emulator.totals().connected, {timeout: 120_000}).toBe(fleetSize);
      expect(await ask()).toEqual(everybody);
      const losses = [
        () => cluster.end(0, 'stop'),
        // Its broker starts it again.
        () => Promise.resolve(cluster.killServer(1)),
        () => cluster.end(2, 'kill'),
      ];
      for (const [place, lose] of losses.entries()) {
        const ended = {value: false};
        const leaving = lose().then(() => (ended.value = true));
        // Some before the loss is felt, some while it goes on, some while everybody finds a new place.
        for (let count = 0; count < 4 || !ended.value; count += 1) {
          expect(await ask(), `loss of member ${place}, request ${count}`).toEqual(everybody);
        }
        await leaving;
        await expect.poll(() => emulator.totals().connected, {timeout: 60_000}).toBe(fleetSize);
        if (cluster.brokers[place] === undefined) await cluster.start(place);
      }
      expect(emulator.totals().replies).toBe(requests * fleetSize);
    } finally {
      await rm(directory, {recursive: true, force: true});
    }
  });
});
