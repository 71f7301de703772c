/** Certificates that a broker must not take, over real TLS. */
import {beforeAll, describe, expect, test} from 'vitest';
import {createBrokerAuthenticator} from '../../src/broker/authentication/broker-auth.ts';
import {connectErrorCodes, openConnection} from '../../src/connect/index.ts';
import {
  type IssueCertificateOptions,
  issueCertificate,
  issueCertificateAuthority,
  type IssuedCertificate,
} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {startTestBroker} from '../support/broker.ts';

const platform = createNodePlatform();
const dayMs = 86_400_000;
const nowMs = platform.clock.nowMs();
const common = {nowMs, random: platform.random};

let authority: IssuedCertificate;
let other: IssuedCertificate;
let broker: IssuedCertificate;

beforeAll(async () => {
  authority = await issueCertificateAuthority({commonName: 'Fleet authority', keyKind: 'ec', ...common});
  // Another authority of the very same name.
  other = await issueCertificateAuthority({commonName: 'Fleet authority', keyKind: 'ec', ...common});
  broker = await issueCertificate({
    authority,
    commonName: 'broker.example.net',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    keyKind: 'ec',
    ...common,
  });
});

type Variant = (
  issue: (options: Partial<IssueCertificateOptions>) => Promise<IssuedCertificate>,
) => Promise<IssuedCertificate>;

function startBroker(): ReturnType<typeof startTestBroker> {
  return startTestBroker({
    tls: {
      material: {certificatePem: broker.certificatePem, keyPem: broker.keyPem, caPem: authority.certificatePem},
      clientCertificates: 'if-given',
    },
    authenticator: createBrokerAuthenticator({clock: platform.clock}),
    accounts: ['choria', 'system'],
  });
}

async function connectWith(variant: Variant): Promise<string> {
  await using running = await startBroker();
  return await connectTo(running.url, variant);
}

async function connectTo(url: string, variant: Variant): Promise<string> {
  const own = await variant((options) =>
    issueCertificate({authority, commonName: 'alice.mcollective', keyKind: 'ec', ...common, ...options}),
  );
  try {
    const connection = await openConnection({
      platform,
      name: 'test',
      servers: [url],
      tls: {
        material: {certificatePem: own.certificatePem, keyPem: own.keyPem, caPem: authority.certificatePem},
        verify: true,
      },
      inboxPrefix: 'mcollective.reply',
      attemptsMax: 1,
    });
    await connection.close();
    return 'connected';
  } catch (error) {
    return (error as {code?: string}).code ?? String(error);
  }
}

describe('fault 20: certificates', () => {
  test('fault 20: one that is in order is taken', async () => {
    expect(await connectWith((issue) => issue({}))).toBe('connected');
  });

  test.each<[string, Variant]>([
    ['has ended', (issue) => issue({nowMs: nowMs - 10 * dayMs, validityMs: dayMs})],
    ['has not begun', (issue) => issue({notBeforeMs: nowMs + dayMs})],
    ['is for servers only', (issue) => issue({usages: ['serverAuth']})],
    ['is of another authority with the same name', (issue) => issue({authority: other})],
    [
      'signed itself',
      async () => issueCertificateAuthority({commonName: 'alice.mcollective', keyKind: 'ec', ...common}),
    ],
  ])('fault 20: one that %s is refused', async (_what, variant) => {
    const code = await connectWith(variant);
    expect(code).not.toBe('connected');
    expect(Object.keys(connectErrorCodes)).toContain(code);
  });

  test('fault 20: ten thousand names cost the broker no more than a moment, and give no right', async () => {
    const dnsNames = Array.from({length: 10_000}, (_, index) => `n${index}.example.net`);
    await using running = await startBroker();
    const outcome = await connectTo(running.url, (issue) => issue({commonName: 'node.example.net', dnsNames}));
    // TLS itself may refuse a chain this large; if it does not, the connection is that of an ordinary node.
    expect(['connected', ...Object.keys(connectErrorCodes)]).toContain(outcome);
    // Whatever became of it, the same broker serves the next one.
    expect(await connectTo(running.url, (issue) => issue({}))).toBe('connected');
  });
});
