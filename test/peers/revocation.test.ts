/** Fault 32: who is taken back loses a live connection, on both engines, by whichever name the list has; how long it takes is printed. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {RunningBroker} from '../../src/broker/index.ts';
import {type Connection, openConnection} from '../../src/connect/index.ts';
import {parseSeed, readToken, signEd25519} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {testTlsMaterial} from '../support/broker.ts';
import {createOrganization, type Holder, type Organization} from '../support/organization.ts';
import {startConfiguredBroker} from '../support/supervised.ts';
import {missingPeer} from './nats-server.ts';

const skip = missingPeer('nats-server', 'go install github.com/nats-io/nats-server/v2@v2.15.2');
const platform = createNodePlatform();
/** The promise is a second; a machine that does much else gets more. */
const patienceMs = 10_000;

function tokenId(holder: Holder | undefined): string {
  return holder === undefined ? '' : String(readToken(readFileSync(holder.tokenFile, 'utf8')).claims['jti']);
}

describe.skipIf(skip).each(['embedded', 'nats-server'])('revocations on the engine %s', (engine) => {
  let organization: Organization;
  let broker: RunningBroker;
  let list: string;
  let directory: string;
  let lines = '';

  beforeAll(async () => {
    organization = createOrganization();
    directory = mkdtempSync(join(tmpdir(), 'choria-revoked-'));
    list = join(directory, 'revoked');
    writeFileSync(list, '');
    broker = await startConfiguredBroker({
      'plugin.choria.network.engine': engine,
      ...organization.brokerEntries(await organization.server('broker.example.net')),
      'plugin.choria.network.certificates_beside_tokens': 'true',
      'plugin.choria.security.revocation_file': list,
    });
  });

  afterAll(async () => {
    await broker.stop();
    organization[Symbol.dispose]();
    rmSync(directory, {recursive: true, force: true});
  });

  function open(holder: Holder | undefined, cut?: () => void): Promise<Connection> {
    const seed = holder === undefined ? undefined : parseSeed(readFileSync(holder.seedFile, 'utf8'));
    return openConnection({
      platform,
      name: 'somebody',
      servers: [`tls://127.0.0.1:${broker.port}`],
      tls: {material: holder === undefined ? testTlsMaterial('node2') : {}, verify: false},
      ...(holder === undefined || seed === undefined
        ? {}
        : {
            auth: {
              token: readFileSync(holder.tokenFile, 'utf8'),
              signNonce: (nonce: Buffer) => Promise.resolve(signEd25519(seed, nonce)),
            },
          }),
      inboxPrefix: 'choria.reply.x',
      attemptsMax: 1,
      ...(cut === undefined ? {} : {events: {disconnected: cut}}),
    });
  }

  test.each([
    {
      by: 'the id of its token',
      make: (all: Organization) => all.client('up=a'),
      line: (holder?: Holder) => `token ${tokenId(holder)}`,
    },
    {
      by: 'its key',
      make: (all: Organization) => all.client('up=b'),
      line: (holder?: Holder) => `key ${holder?.publicKey ?? ''}`,
    },
    {by: 'the name of its caller', make: (all: Organization) => all.client('up=c'), line: () => 'caller up=c'},
    {
      by: 'the identity of its server',
      make: (all: Organization) => all.server('n9.example.net'),
      line: () => 'identity n9.example.net',
    },
    {by: 'the name in its certificate', make: undefined, line: () => 'identity node2.example.net'},
  ])('cut who is named by $by, and nobody else', async ({by, make, line}) => {
    const holder = await make?.(organization);
    let cutAtMs = Number.NaN;
    await using bystander = await open(await organization.client('up=bystander'));
    const {port} = broker;
    const connection = await open(holder, () => {
      cutAtMs = platform.clock.monotonicMs();
    });
    lines += `${line(holder)}\n`;
    const startedAtMs = platform.clock.monotonicMs();
    writeFileSync(list, lines);
    await expect.poll(() => Number.isNaN(cutAtMs), {timeout: patienceMs}).toBe(false);
    console.log(`${engine}: cut by ${by} after ${Math.round(cutAtMs - startedAtMs)} ms`);
    await connection.close();
    await expect(open(holder)).rejects.toThrow();
    await bystander.flush({timeoutMs: 5000});
    expect([bystander.state, broker.port]).toEqual(['connected', port]);
  });
});
