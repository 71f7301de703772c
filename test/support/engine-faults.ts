/** Faults A of the list that come through the socket, for every engine with the settings that a configuration gives it. */
import {createHash} from 'node:crypto';
import {constants, deflateRawSync} from 'node:zlib';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {RunningBroker} from '../../src/broker/index.ts';
import {
  issueCertificate,
  issueCertificateAuthority,
  type IssueCertificateOptions,
  type IssuedCertificate,
} from '../../src/crypto/index.ts';
import type {TlsMaterial} from '../../src/lib/network.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {sleep} from '../../src/lib/platform.ts';
import {freePort} from './programs.ts';
import {RawClient} from './raw-client.ts';
import {startConfiguredBroker} from './supervised.ts';
import {refusedSizes} from './refused-sizes.ts';

const platform = createNodePlatform();
const nowMs = platform.clock.nowMs();
const dayMs = 86_400_000;
const common = {keyKind: 'ec', nowMs, random: platform.random} as const;
const connectLine = 'CONNECT {"verbose":false,"pedantic":false,"protocol":0,"headers":true,"no_responders":true}\r\n';

export function describeEngineFaults(engine: 'embedded' | 'nats-server', options: {readonly skip: boolean}): void {
  describe.skipIf(options.skip)(`faults of the engine ${engine}`, () => {
    let directory = '';
    let authority: IssuedCertificate;
    let other: IssuedCertificate;
    let broker: RunningBroker;
    let webSocketPort = 0;

    const issue = (name: string, more: Partial<IssueCertificateOptions> = {}): Promise<IssuedCertificate> =>
      issueCertificate({authority, commonName: name, ...common, ...more});

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'choria-faults-'));
      authority = await issueCertificateAuthority({commonName: 'Fleet authority', ...common});
      // Another authority of the very same name.
      other = await issueCertificateAuthority({commonName: 'Fleet authority', ...common});
      const own = await issue('broker.example.net', {dnsNames: ['localhost'], ipAddresses: ['127.0.0.1']});
      const file = (name: string, text: string): string => {
        writeFileSync(join(directory, name), text);
        return join(directory, name);
      };
      webSocketPort = await freePort();
      broker = await startConfiguredBroker({
        'plugin.choria.network.engine': engine,
        'plugin.choria.network.websocket_port': String(webSocketPort),
        'plugin.choria.network.websocket_origins': 'https://console.example.net',
        'plugin.choria.network.write_deadline': '1s',
        'plugin.security.file.certificate': file('broker.pem', own.certificatePem),
        'plugin.security.file.key': file('broker.key', own.keyPem),
        'plugin.security.file.ca': file('ca.pem', authority.certificatePem),
      });
    }, 60_000);
    afterAll(async () => {
      await broker.stop();
      rmSync(directory, {recursive: true, force: true});
    });

    const plain = (): Promise<RawClient> => RawClient.connect({host: '127.0.0.1', port: broker.port});

    /** Through the handshake, before CONNECT. */
    const secure = async (own?: IssuedCertificate): Promise<RawClient> => {
      const stream = await platform.network.connect({host: '127.0.0.1', port: broker.port, timeoutMs: 5000});
      await new Promise<void>((resolve) => {
        stream.onData = () => resolve();
      });
      const caPem = authority.certificatePem;
      const material: TlsMaterial =
        own === undefined ? {caPem} : {caPem, certificatePem: own.certificatePem, keyPem: own.keyPem};
      await stream.startTlsClient({material, serverName: 'localhost', verify: true, timeoutMs: 5000});
      return new RawClient(stream, platform);
    };

    /** A WebSocket's request, as a caller; the head of the answer. */
    const upgraded = async (headers = ''): Promise<{readonly client: RawClient; readonly status: string}> => {
      const alice = await issue('alice.mcollective');
      const stream = await platform.network.connect({host: '127.0.0.1', port: webSocketPort, timeoutMs: 5000});
      const material = {caPem: authority.certificatePem, certificatePem: alice.certificatePem, keyPem: alice.keyPem};
      await stream.startTlsClient({material, serverName: 'localhost', verify: true, timeoutMs: 5000});
      const client = new RawClient(stream, platform);
      client.send(
        'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`,
      );
      await client.until(({received}) => received.includes('\r\n\r\n'));
      return {client, status: client.received.slice(9, 12)};
    };

    /** As a caller, or as who the certificate says. */
    const hello = async (own?: IssuedCertificate): Promise<RawClient> => {
      const client = await secure(own ?? (await issue('alice.mcollective')));
      client.send(`${connectLine}PING\r\n`);
      await client.until(({received, isClosed}) => isClosed || received.includes('PONG\r\n'));
      expect(client.take()).toBe('PONG\r\n');
      return client;
    };

    const untilClosed = async (text: string): Promise<string> => {
      const client = await hello();
      client.send(text);
      await client.until(({isClosed}) => isClosed);
      return client.received;
    };

    const answered = async (client: RawClient, text: string): Promise<string> => {
      client.take();
      client.send(`${text}PING\r\n`);
      await client.until(({received}) => received.endsWith('PONG\r\n'));
      return client.take();
    };

    const tooLong = "-ERR 'maximum control line exceeded'\r\n";

    test('fault 1: a control line without end, a byte at a time, is cut with an error at the limit', async () => {
      const client = await hello();
      client.send('SUB ');
      for (let sent = 0; sent < 5000 && !client.isClosed; sent += 1) client.send('a');
      await client.until(({isClosed}) => isClosed);
      expect(client.received).toBe(tooLong);
    });

    test.each(refusedSizes)('fault 2: a size of "%s" ends the connection', async (size, error) => {
      expect(await untilClosed(`PUB foo ${size}\r\n`)).toBe(error);
    });

    test('fault 3: headers longer than the whole end the connection, ten thousand are carried as they are', async () => {
      expect(await untilClosed('HPUB foo 20 10\r\nNATS/1.0\r\n\r\n\r\n')).toBe('');
      const block = `NATS/1.0\r\n${'A: b\r\n'.repeat(10_000)}X: y\rZ: \n\r\n`;
      const client = await hello();
      const sizes = `${block.length} ${block.length + 2}`;
      expect(await answered(client, `SUB foo 1\r\nHPUB foo ${sizes}\r\n${block}hi\r\n`)).toBe(
        `HMSG foo 1 ${sizes}\r\n${block}hi\r\nPONG\r\n`,
      );
      client.close();
    });

    test('fault 4: a payload without its line end ends the connection, a frame in pieces is one frame', async () => {
      expect(await untilClosed('PUB foo 2\r\nabcd\r\n')).toBe("-ERR 'Unknown Protocol Operation'\r\n");
      const text = 'HPUB four.a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPUB four.b rep 5\r\nhel\r\n\r\n';
      const whole = 'HMSG four.a 7 12 14\r\nNATS/1.0\r\n\r\nhi\r\nMSG four.b 7 rep 5\r\nhel\r\n\r\nPONG\r\n';
      const client = await hello();
      await answered(client, 'SUB four.* 7\r\n');
      for (let place = 1; place < text.length; place += 1) {
        client.send(text.slice(0, place));
        expect(await answered(client, text.slice(place)), `split at ${place}`).toBe(whole);
      }
      client.close();
    });

    test.each(['PING\r\n', 'SUB > 1\r\n', 'PUB a 1\r\na\r\n', 'UNSUB 1\r\n'])(
      'fault 5: %j before CONNECT is answered with a refusal and nothing else',
      async (text) => {
        const client = await secure(await issue('alice.mcollective'));
        client.send(text);
        await client.until(({isClosed}) => isClosed);
        expect(client.received).toBe("-ERR 'Authorization Violation'\r\n");
      },
    );

    test('fault 5: a second CONNECT brings no other rights, one of a megabyte is cut', async () => {
      const node = await hello(await issue('node1.example.net'));
      node.send(`${connectLine}SUB > 1\r\nPING\r\n`);
      await node.until(({received, isClosed}) => isClosed || received.includes('-ERR'));
      expect(node.received).toMatch(/-ERR '(?:Permissions|Authorization) Violation/);
      node.close();
      const huge = await secure(await issue('alice.mcollective'));
      huge.send(`CONNECT {"name":"${'a'.repeat(1_000_000)}"}\r\n`);
      await huge.until(({isClosed}) => isClosed);
      expect(huge.received).toBe(tooLong);
    });

    test('fault 6, fault 79: who says nothing, in clear or inside TLS, is served nothing and cut in time', async () => {
      const silent = await Promise.all([...Array.from({length: 100}, plain), secure(), secure()]);
      const healthy = await hello();
      await Promise.all(silent.map((client) => client.until(({isClosed}) => isClosed)));
      for (const client of silent) expect(client.received).not.toMatch(/PONG|MSG|\+OK/);
      expect(await answered(healthy, 'SUB six 1\r\nPUB six 1\r\nx\r\n')).toBe('MSG six 1 1\r\nx\r\nPONG\r\n');
      healthy.close();
    });

    test('fault 7, fault 8: subjects are refused, carried or taken literally as the protocol says', async () => {
      const client = await hello();
      for (const subject of ['a..b', '.a', 'a.', 'a.>.b']) {
        expect(await answered(client, `SUB ${subject} 1\r\n`)).toBe("-ERR 'Invalid Subject'\r\nPONG\r\n");
      }
      for (const [index, subject] of ['a\x01', '\xff\xfe.x', `${'t.'.repeat(1500)}t`, 'x'.repeat(4000)].entries()) {
        const text = `SUB ${subject} 1${index}\r\nPUB ${subject} 1\r\na\r\n`;
        expect(await answered(client, text)).toBe(`MSG ${subject} 1${index} 1\r\na\r\nPONG\r\n`);
      }
      expect(
        await answered(client, 'SUB foo.bar 1\r\nSUB foo.* 2\r\nPUB foo.* 1\r\na\r\nPUB foo.bar an.* 1\r\nb\r\n'),
      ).toMatch(/^MSG foo\.\* 2 1\r\na\r\n(?:MSG foo\.bar [12] an\.\* 1\r\nb\r\n){2}PONG\r\n$/);
      expect(await answered(client, 'PUB foo _R_.x 1\r\na\r\n')).toContain('Publish with Reply of "_R_.x"');
      client.close();
      expect(await untilClosed(`PUB ${'x'.repeat(8192)} 1\r\na\r\n`)).toBe(tooLong);
    });

    test('fault 9: a hundred thousand subscriptions are taken, no more, and the connection lives on', async () => {
      const client = await hello();
      const many = Array.from({length: 100_010}, (_unused, index) => `SUB s.${index} ${index}\r\n`).join('');
      const got = await answered(client, `${many}UNSUB 999999\r\nUNSUB 1 0\r\nSUB late 1\r\nPUB late 1\r\na\r\n`);
      expect(got.split("-ERR 'maximum subscriptions exceeded'\r\n")).toHaveLength(11);
      expect(got.endsWith('MSG late 1 1\r\na\r\nPONG\r\n')).toBe(true);
      client.close();
    });

    test('fault 10, fault 11: a node hears only what is for it, and orders nothing', async () => {
      const node = await hello(await issue('node1.example.net'));
      const alice = createHash('md5').update('choria=alice.mcollective').digest('hex');
      const refused = [
        'SUB > 1',
        'SUB _INBOX.> 1',
        'SUB mcollective.> 1',
        'SUB mcollective.reply.> 1',
        `SUB mcollective.reply.${alice}.> 1`,
        'SUB mcollective.node.* 1',
        'SUB mcollective.node.*.example.net 1',
        'SUB mcollective.node.node2.example.net 1',
        'SUB mcollective.node.node2.example.net group 1',
        // What nats-server cannot say: one agent at a time.
        ...(engine === 'embedded' ? ['SUB mcollective.broadcast.agent.> 1'] : []),
        'SUB $SYS.> 1',
        'PUB mcollective.broadcast.agent.rpcutil 1\r\na',
        'PUB mcollective.node.node2.example.net 1\r\na',
      ];
      for (const operation of refused) {
        expect(await answered(node, `${operation}\r\n`), operation).toMatch(
          /^-ERR 'Permissions Violation for .*\r\nPONG/,
        );
      }
      for (const operation of ['SUB mcollective.node.node1.example.net 1', `PUB mcollective.reply.${alice}.1 1\r\na`]) {
        expect(await answered(node, `${operation}\r\n`), operation).toBe('PONG\r\n');
      }
      node.close();
    });

    test('fault 12, fault 13: who stops reading, or reads a little now and then, is cut; the others lose nothing', async () => {
      const [stopped, dripping, reading, publisher] = [await hello(), await hello(), await hello(), await hello()];
      for (const client of [stopped, dripping, reading]) await answered(client, 'SUB flood 1\r\n');
      stopped.stream.pause();
      // A little at a time for as long as it lives: it never stands still, and yet never gets done.
      let dripped = 0;
      dripping.stream.onData = (chunk) => {
        dripped += chunk.length;
        dripping.stream.pause();
        platform.clock.setTimer(() => dripping.stream.resume(), 100);
      };
      const message = `PUB flood 500000\r\n${'x'.repeat(500_000)}\r\n`;
      let sent = 0;
      while (sent < 40) {
        await answered(publisher, message);
        sent += 1;
        const goal = sent;
        await reading.until(({received}) => received.split('MSG flood').length > goal);
      }
      await sleep(platform.clock, 2500);
      dripping.stream.onData = (chunk) => void (dripped += chunk.length);
      for (const client of [stopped, dripping]) client.stream.resume();
      for (const client of [stopped, dripping]) await client.until(({isClosed}) => isClosed);
      expect(Math.max(dripped, stopped.received.length)).toBeLessThan(sent * 500_000);
      expect(reading.received.split('MSG flood')).toHaveLength(sent + 1);
      expect([reading.isClosed, publisher.isClosed]).toEqual([false, false]);
      reading.close();
      publisher.close();
    }, 30_000);

    // Masked by zeros where they are masked.
    const frame = (first: number, payload: string): string =>
      `${String.fromCharCode(first, 0x80 | payload.length)}\0\0\0\0${payload}`;
    const ask = `${connectLine}PING\r\n`;

    test.each([
      ['a length with its top bit set', `\x82\xff${'\xff'.repeat(8)}\0\0\0\0${ask}`],
      ['a frame that is not masked', `\x82${String.fromCharCode(ask.length)}${ask}`],
      ['a control frame in pieces', frame(0x09, 'x')],
      ['reserved bits', frame(0xb2, ask)],
      ['compression that was not agreed', frame(0xc2, 'x')],
      ['an operation nobody knows', frame(0x83, ask)],
      ['a piece of nothing', frame(0x80, ask)],
      ['a farewell that is no text', frame(0x88, '\x03\xe8\xff\xfe')],
      ['a farewell of one byte', frame(0x88, '\x03')],
    ])('fault 17: %s ends a WebSocket, and nothing in it is served', async (_what, bytes) => {
      const {client, status} = await upgraded();
      expect(status).toBe('101');
      client.send(bytes);
      await client.until(({isClosed}) => isClosed);
      expect(client.received).not.toContain('PONG');
    });

    test('fault 17: compressed data that grows without end, before anybody said who it is, is cut', async () => {
      const {client, status} = await upgraded('Sec-WebSocket-Extensions: permessage-deflate\r\n');
      expect(status).toBe('101');
      const bomb = deflateRawSync(Buffer.alloc(64 * 1_048_576, 'PING\r\n'), {finishFlush: constants.Z_SYNC_FLUSH});
      const size = Buffer.alloc(8);
      size.writeBigUInt64BE(BigInt(bomb.length));
      client.send(`\xc2\xff${size.toString('latin1')}\0\0\0\0${bomb.toString('latin1')}`);
      await client.until(({isClosed}) => isClosed);
      expect(client.received).not.toContain('PONG');
    });

    test('fault 17: only the origins that are listed come in, and programs, which send none', async () => {
      const statuses: string[] = [];
      for (const origin of ['https://elsewhere.example.net', 'null', 'https://console.example.net', '']) {
        const {client, status} = await upgraded(origin === '' ? '' : `Origin: ${origin}\r\n`);
        statuses.push(status);
        client.close();
      }
      expect(statuses).toEqual(['403', '403', '101', '101']);
      const {client} = await upgraded();
      client.send(frame(0x82, ask));
      await client.until(({received}) => received.includes('PONG'));
      client.close();
    });

    test('fault 19: plain text on the TLS port, records without content and a handshake that never ends are cut', async () => {
      for (const text of [
        connectLine,
        '\x16\x03\x01\x00\x00'.repeat(5000),
        '\x16\x03\x01',
        '\x15\x03\x01\x00\x02\x01\x00',
      ]) {
        const client = await plain();
        client.send(text);
        await client.until(({isClosed}) => isClosed);
        expect(client.received).not.toMatch(/PONG|MSG|\+OK/);
      }
    });

    test('fault 19: versions below TLS 1.2 and suites without encryption are refused, renegotiation harms nobody', async () => {
      const {connect} = await import('node:tls');
      const {connect: connectPlain} = await import('node:net');
      const own = await issue('alice.mcollective');
      const shake = (how: object, then?: (socket: import('node:tls').TLSSocket) => void): Promise<string> =>
        new Promise((resolve) => {
          const raw = connectPlain(broker.port, '127.0.0.1');
          const end = (outcome: string): void => {
            resolve(outcome);
            if (then === undefined) raw.destroy();
          };
          raw.on('error', () => end('refused'));
          raw.once('data', () => {
            try {
              const certificate = {cert: own.certificatePem, key: own.keyPem, rejectUnauthorized: false};
              const socket = connect({socket: raw, ...certificate, ...how}, () => {
                if (then === undefined) socket.write(`${connectLine}PING\r\n`);
                else then(socket);
              });
              socket.on('error', () => end('refused'));
              socket.on('close', () => end('closed'));
              socket.on('data', (data: Buffer) => data.includes('PONG') && end('served'));
            } catch {
              // The library here does not even offer it.
              end('refused');
            }
          });
        });
      expect(await shake({minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0'})).not.toBe('served');
      for (const ciphers of ['NULL:@SECLEVEL=0', 'EXPORT:@SECLEVEL=0', 'aNULL:@SECLEVEL=0']) {
        expect(await shake({maxVersion: 'TLSv1.2', ciphers}), ciphers).not.toBe('served');
      }
      const again = await shake({maxVersion: 'TLSv1.2'}, (socket) => {
        // Whoever allows one allows not many; a client that insists loses its own connection at most.
        const ask = (left: number): void => {
          if (left === 0 || socket.destroyed) socket.destroy();
          else socket.renegotiate({}, () => ask(left - 1));
        };
        ask(50);
      });
      expect(again).not.toBe('served');
      const healthy = await hello();
      expect(await answered(healthy, '')).toBe('PONG\r\n');
      healthy.close();
    }, 30_000);

    const refusedCertificates: readonly (readonly [string, () => Promise<IssuedCertificate>])[] = [
      ['has ended', () => issue('alice.mcollective', {nowMs: nowMs - 10 * dayMs, validityMs: dayMs})],
      ['has not begun', () => issue('alice.mcollective', {notBeforeMs: nowMs + dayMs})],
      ['is for servers only', () => issue('alice.mcollective', {usages: ['serverAuth']})],
      ['is of another authority with the same name', () => issue('alice.mcollective', {authority: other})],
      ['signed itself', () => issueCertificateAuthority({commonName: 'alice.mcollective', ...common})],
      ['has an RSA key of 1024 bits', () => issue('alice.mcollective', {keyKind: 'rsa', rsaBits: 1024})],
      ['has a name with a NUL', () => issue('alice.mcollective\0.evil')],
    ];
    test.each(refusedCertificates)('fault 20: a certificate that %s is refused', async (_what, make) => {
      let client: RawClient;
      try {
        client = await secure(await make());
      } catch {
        return;
      }
      client.send(`${connectLine}PING\r\n`);
      await client.until(({isClosed, received}) => isClosed || received.includes('PONG'));
      expect(client.received).not.toContain('PONG');
    });

    test('fault 20: a name that only looks like a caller’s is a node’s at most', async () => {
      // The first letter is Cyrillic.
      const client = await secure(await issue('\u0430lice.mcollective', {dnsNames: ['n.example.net']}));
      client.send(`${connectLine}PUB mcollective.broadcast.agent.rpcutil 1\r\na\r\nPING\r\n`);
      await client.until(({isClosed, received}) => isClosed || received.includes('-ERR') || received.includes('PONG'));
      expect(client.received).toMatch(/-ERR '(?:Permissions|Authorization) Violation/);
      client.close();
    });

    test('fault 20: a certificate that ends while its connection lives ends that', async () => {
      const client = await hello(
        await issue('alice.mcollective', {notBeforeMs: platform.clock.nowMs() - dayMs, validityMs: dayMs + 3000}),
      );
      await client.until(({isClosed}) => isClosed);
      expect(client.received).toContain("-ERR 'User Authentication Expired'\r\n");
    }, 20_000);
  });
}
