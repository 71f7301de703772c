/** Breaks the way from a healthy node or client to its broker. Real sockets on loopback where a handshake matters, scripts elsewhere. */
import {describe, expect, test} from 'vitest';
import {systemError} from '../../test/support/fake-files.ts';
import {fleetDirectory, healthyFiles, SickFleet, type StoredFile} from '../../test/support/sick-fleet.ts';
import {type RunningBroker, startBroker} from '../broker/index.ts';
import {loadConfig} from '../config/index.ts';
import {openConnection} from '../connect/index.ts';
import {issueCertificate, issueCertificateAuthority} from '../crypto/index.ts';
import {silentLogger} from '../lib/logger.ts';
import {NetworkError} from '../lib/network-errors.ts';
import type {ByteStream} from '../lib/network.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import type {Network, Platform} from '../lib/platform.ts';
import type {DoctorRole} from './index.ts';

const real = createNodePlatform();
/** TLS looks at the real time, so these certificates are of now. */
const files = await healthyFiles({clock: real.clock});

function fleetOf(role: DoctorRole, stored: readonly StoredFile[] = files): SickFleet {
  const fleet = new SickFleet(stored, role);
  fleet.changes = {clock: real.clock};
  return fleet;
}

/** Whatever the configuration says leads to one port of this machine. */
function leadingTo(port: number): Network {
  return {...real.network, connect: (options) => real.network.connect({...options, host: '127.0.0.1', port})};
}

async function startFleetBroker(
  change: (broker: SickFleet) => void | Promise<void> = () => undefined,
): Promise<RunningBroker> {
  const fleet = fleetOf('broker');
  await change(fleet);
  fleet.set('plugin.choria.network.listen_address', '127.0.0.1');
  fleet.set('plugin.choria.network.client_port', '0');
  const platform: Platform = {...fleet.fake.platform, clock: real.clock, network: real.network, random: real.random};
  const config = await loadConfig({platform, mode: 'server', path: fleet.configPath});
  return startBroker({config, platform, logger: silentLogger});
}

/** A peer that says something and nothing more. */
async function startListener(onConnection: (stream: ByteStream) => void) {
  const listener = await real.network.listen({host: '127.0.0.1', port: 0}, onConnection);
  return {port: listener.port, [Symbol.asyncDispose]: () => listener.close()};
}

async function codesAt(port: number, fleet: SickFleet): Promise<readonly string[]> {
  fleet.changes = {...fleet.changes, network: leadingTo(port), random: real.random};
  return fleet.codes({online: true});
}

async function brokerCertificate(
  broker: SickFleet,
  change: Partial<Parameters<typeof issueCertificate>[0]>,
): Promise<void> {
  const own = (path: string): string => broker.fake.files.text(`${fleetDirectory}/${path}`) ?? '';
  const issued = await issueCertificate({
    authority: {certificatePem: own('authority/ca.pem'), keyPem: own('authority/ca.key')},
    commonName: 'localhost',
    nowMs: real.clock.nowMs(),
    random: real.random,
    keyPem: broker.text('key.pem'),
    ...change,
  });
  broker.put('certificate.pem', issued.certificatePem);
}

describe('the doctor, on the way to a broker', () => {
  test.each(['client', 'server'] as const)('finds nothing wrong with a healthy %s', async (role) => {
    await using broker = await startFleetBroker();
    expect(await codesAt(broker.port, fleetOf(role))).toEqual([]);
  });

  test('finds nothing wrong with a healthy broker, running or not', async () => {
    await using broker = await startFleetBroker();
    const fleet = fleetOf('broker');
    fleet.changes = {
      ...fleet.changes,
      network: {
        ...leadingTo(broker.port),
        listen: (options) => real.network.listen({...options, host: '127.0.0.1', port: broker.port}, () => undefined),
      },
    };
    expect(await fleet.codes({online: true})).toEqual([]);
    fleet.changes = {
      ...fleet.changes,
      network: {
        ...real.network,
        listen: (options, accept) => real.network.listen({...options, host: '127.0.0.1', port: 0}, accept),
      },
    };
    expect(await fleet.codes({online: true})).toEqual([]);
  });

  test('a broker that is not running is port-refused', async () => {
    expect(await fleetOf('client').codes({online: true})).toEqual(['port-refused']);
  });

  test('a firewall that drops is port-unreachable', async () => {
    const fleet = fleetOf('server');
    const connect = (): Promise<never> =>
      Promise.reject(new NetworkError('ERR_NETWORK_TIMEOUT', 'Cannot connect: no answer within 3000 ms'));
    fleet.changes = {...fleet.changes, network: {...real.network, connect}};
    expect(await fleet.codes({online: true})).toEqual(['port-unreachable']);
  });

  test('credentials that cannot work are named once, and the port is tried all the same', async () => {
    const fleet = fleetOf('server');
    await fleet.remove('key.pem');
    expect(await fleet.codes({online: true})).toEqual(['key-missing', 'port-refused']);
  });

  test.each([
    ['a name that DNS does not know', 'plugin.choria.middleware_hosts', 'nowhere.example.net:4222', 'name-unresolved'],
    ['an address that is none', 'plugin.choria.middleware_hosts', 'localhost:http', 'broker-address'],
    ['no broker at all', 'plugin.choria.middleware_hosts', undefined, 'broker-default'],
  ] as const)('%s is %4$s', async (_how, key, value, code) => {
    const fleet = fleetOf('client');
    fleet.set(key, value);
    expect(await fleet.codes({online: true})).toEqual([code]);
  });

  test('fault 58: a domain without SRV records is srv-missing', async () => {
    const fleet = fleetOf('client');
    fleet.set('plugin.choria.middleware_hosts', undefined);
    fleet.set('plugin.choria.use_srv', 'true');
    fleet.set('plugin.choria.srv_domain', 'example.net');
    expect(await fleet.codes({online: true})).toEqual(['srv-missing']);
  });

  test('something else on the port is broker-protocol', async () => {
    await using listener = await startListener((stream) => void stream.write(Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')));
    expect(await codesAt(listener.port, fleetOf('client'))).toEqual(['broker-protocol']);
  });

  test('fault 19: a broker in clear is tls-not-offered', async () => {
    await using listener = await startListener((stream) => {
      stream.write(Buffer.from('INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1048576}\r\n'));
    });
    expect(await codesAt(listener.port, fleetOf('client'))).toEqual(['tls-not-offered']);
  });

  test('fault 19: a peer that breaks the handshake off is tls-handshake', async () => {
    await using listener = await startListener((stream) => {
      stream.write(
        Buffer.from(
          'INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1048576,"tls_required":true}\r\n',
        ),
      );
      stream.onData = () => stream.destroy();
    });
    expect(await codesAt(listener.port, fleetOf('server'))).toEqual(['tls-handshake']);
  });

  test('fault 20: a broker of another authority is tls-broker-untrusted', async () => {
    await using broker = await startFleetBroker(async (fleet) => {
      const nowMs = real.clock.nowMs();
      const other = await issueCertificateAuthority({
        commonName: 'acme authority',
        nowMs,
        random: real.random,
        keyKind: 'ec',
      });
      await brokerCertificate(fleet, {authority: other});
    });
    expect(await codesAt(broker.port, fleetOf('client'))).toEqual(['tls-broker-untrusted']);
  });

  test('fault 20: a broker whose certificate has ended is tls-broker-expired', async () => {
    const dayMs = 86_400_000;
    await using broker = await startFleetBroker((fleet) =>
      brokerCertificate(fleet, {notBeforeMs: real.clock.nowMs() - 2 * dayMs, validityMs: dayMs}),
    );
    expect(await codesAt(broker.port, fleetOf('client'))).toEqual(['tls-broker-expired']);
  });

  test('fault 20: a broker with the certificate of another is tls-broker-name', async () => {
    await using broker = await startFleetBroker((fleet) => brokerCertificate(fleet, {commonName: 'other.example.net'}));
    expect(await codesAt(broker.port, fleetOf('server'))).toEqual(['tls-broker-name']);
  });

  test('a revoked caller is authentication-refused', async () => {
    await using broker = await startFleetBroker((fleet) => fleet.put('revoked', 'caller choria=rip.mcollective\n'));
    expect(await codesAt(broker.port, fleetOf('client'))).toEqual(['authentication-refused']);
  });

  test('a broker that denies servers is permission-refused', async () => {
    await using broker = await startFleetBroker((fleet) =>
      fleet.set('plugin.choria.network.deny_server_connections', 'true'),
    );
    expect(await codesAt(broker.port, fleetOf('server'))).toEqual(['permission-refused']);
  });

  test('a broker whose clock is another is clock-skew', async () => {
    await using broker = await startFleetBroker();
    const fleet = fleetOf('client');
    const tls = {
      material: {
        certificatePem: fleet.text('certificate.pem'),
        keyPem: fleet.text('key.pem'),
        caPem: fleet.text('ca.pem'),
      },
      verify: true,
      legacyNames: false,
    };
    // Says the true time, in the form of brokers that tell it.
    await using teller = await openConnection({
      platform: real,
      name: 'teller',
      servers: [`nats://127.0.0.1:${broker.port}`],
      tls,
      inboxPrefix: 'mcollective.reply.teller',
      attemptsMax: 1,
    });
    teller.subscribe('$SYS.REQ.USER.INFO', (message) => {
      const time = new Date(real.clock.nowMs()).toISOString();
      if (message.replyTo !== undefined) teller.publish(message.replyTo, Buffer.from(JSON.stringify({server: {time}})));
    });
    await teller.flush({timeoutMs: 5_000});
    fleet.changes = {
      ...fleet.changes,
      clock: {
        nowMs: () => real.clock.nowMs() + 60_000,
        monotonicMs: () => real.clock.monotonicMs(),
        setTimer: (...args) => real.clock.setTimer(...args),
      },
    };
    expect(await codesAt(broker.port, fleet)).toEqual(['clock-skew']);
  });
});

describe('the doctor, at a broker that cannot listen', () => {
  test.each([
    ['EADDRINUSE', 'port-taken'],
    ['EACCES', 'port-privileged'],
    ['EADDRNOTAVAIL', 'listen-address'],
  ])('%s is %s', async (error, code) => {
    const fleet = fleetOf('broker');
    const listen: Network['listen'] = ({host, port}) =>
      Promise.reject(
        new NetworkError('ERR_NETWORK_LISTEN', 'Cannot listen', {cause: systemError(error, `${host}:${port}`)}),
      );
    fleet.changes = {...fleet.changes, network: {...fleet.fake.platform.network, listen}};
    expect(await fleet.codes({online: true})).toEqual([code]);
  });
});
