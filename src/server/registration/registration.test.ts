import {gunzipSync} from 'node:zlib';
import {describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../../test/support/fake-platform.ts';
import {systemError} from '../../../test/support/fake-files.ts';
import {startTestServer, testIdentity} from '../../../test/support/test-server.ts';
import {createUnsignedProvider} from '../../crypto/index.ts';
import {openTransport} from '../../protocol/index.ts';
import {serverLimits} from '../limits.ts';

const registered = '/etc/choria/facts.json';
const prefix = 'plugin.choria.registration';
const fileOnly = {registration: 'file_content', [`${prefix}.file_content.data`]: registered};
const soon = {registration_splay: 'false', registerinterval: '100'};

async function startRegistering(
  entries: Readonly<Record<string, string>>,
  options: Parameters<typeof startTestServer>[0] = {},
) {
  const fake = createFakePlatform({files: {[registered]: '{"country":"de"}'}});
  const node = await startTestServer({...options, platform: fake.platform, entries: {...soon, ...entries}});
  const bodies = (): readonly Record<string, unknown>[] =>
    node.replies().map(({payload}) => {
      const {payload: data} = openTransport(payload);
      const {message} = JSON.parse(data.toString('utf8')) as {readonly message: string};
      return JSON.parse((JSON.parse(message) as {readonly message: string}).message) as Record<string, unknown>;
    });
  const problems = (): readonly string[] =>
    node.logger.lines.filter(({level}) => level === 'error').map(({message}) => message);
  return {...fake, node, bodies, problems, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]()};
}

describe('what is published', () => {
  test('a file goes to the registration agent of the collective as a signed request that wants no reply', async () => {
    await using started = await startRegistering({...fileOnly, registration_collective: 'other', ttl: '30'});
    const {clock, node, bodies} = started;
    await clock.advance(4_000);
    const [published] = node.replies();
    expect(published?.subject).toBe('other.broadcast.agent.registration');
    const transport = openTransport(published?.payload ?? Buffer.alloc(0));
    expect(transport).toMatchObject({replyTo: 'dev.null', senderId: testIdentity, trace: []});
    const secure = JSON.parse(transport.payload.toString('utf8')) as Record<string, unknown>;
    expect(secure['pubcert']).toContain('BEGIN CERTIFICATE');
    expect(secure['signature']).not.toBe('insecure');
    const [body] = bodies();
    expect(Object.keys(body ?? {})).toEqual(['mtime', 'file', 'updated', 'protocol', 'zcontent']);
    expect(gunzipSync(Buffer.from(String(body?.['zcontent']), 'base64')).toString()).toBe('{"country":"de"}');
  });

  test('a node that cannot sign yet says so in the place of signature and certificate', async () => {
    await using started = await startRegistering(fileOnly, {
      parts: {provider: createUnsignedProvider({certname: testIdentity}), provisioning: true},
    });
    const {clock, node} = started;
    await clock.advance(4_000);
    const {payload} = openTransport(node.replies()[0]?.payload ?? Buffer.alloc(0));
    expect(JSON.parse(payload.toString('utf8'))).toMatchObject({signature: 'insecure', pubcert: 'insecure'});
  });

  test('a file that is written again is marked as updated, once', async () => {
    await using started = await startRegistering(fileOnly);
    const {clock, files, bodies} = started;
    await clock.advance(4_000);
    files.put(registered, '{"country":"mt"}');
    await clock.advance(200_000);
    expect(bodies().map((body) => body['updated'])).toEqual([false, true, false]);
  });

  test('the inventory carries facts with every digit, as an object when it is not compressed', async () => {
    await using started = await startRegistering(
      {
        registration: 'inventory_content',
        [`${prefix}.inventory_content.compression`]: 'false',
        [`${prefix}.inventory_content.target`]: 'my.inventory',
      },
      {parts: {facts: () => Promise.resolve(Buffer.from('{"id":12345678901234567890}'))}},
    );
    const {clock, node} = started;
    await clock.advance(4_000);
    const [published] = node.replies();
    expect(published?.subject).toBe('my.inventory');
    const {payload} = openTransport(published?.payload ?? Buffer.alloc(0));
    const {message} = JSON.parse(payload.toString('utf8')) as {readonly message: string};
    const body = (JSON.parse(message) as {readonly message: string}).message;
    expect(body).toMatch(/^\{"protocol":"choria:registration:inventorycontent:1","content":\{"agents":\[\],/);
    expect(body).toContain('"facts":{"id":12345678901234567890},"status":{"identity":"node1.example.net",');
  });
});

describe('when it is published', () => {
  test('both kinds are published in every interval', async () => {
    await using started = await startRegistering({...fileOnly, registration: 'file_content, inventory_content'});
    const {clock, bodies} = started;
    await clock.advance(204_000);
    const protocols = bodies().map((body) => String(body['protocol']).split(':')[2]);
    expect(protocols.filter((kind) => kind === 'filecontent')).toHaveLength(3);
    expect(protocols.filter((kind) => kind === 'inventorycontent')).toHaveLength(3);
  });

  test('the first one waits one to four seconds, and a random part of the interval before that', async () => {
    await using quick = await startRegistering(fileOnly);
    await quick.clock.advance(999);
    expect(quick.bodies()).toHaveLength(0);
    await quick.clock.advance(3_001);
    expect(quick.bodies()).toHaveLength(1);

    await using splayed = await startRegistering({...fileOnly, registration_splay: 'true'});
    await splayed.clock.advance(4_000);
    expect(splayed.bodies()).toHaveLength(0);
    await splayed.clock.advance(100_000);
    expect(splayed.bodies()).toHaveLength(1);
  });

  test('nothing is published while there is no connection', async () => {
    await using started = await startRegistering(fileOnly);
    const {clock, node, bodies} = started;
    node.connection.state = 'reconnecting';
    await clock.advance(104_000);
    expect(bodies()).toHaveLength(0);
    node.connection.state = 'connected';
    await clock.advance(100_000);
    expect(bodies()).toHaveLength(1);
  });

  test('with a size trigger a change of that many bytes is published at the next look, a smaller one with the interval', async () => {
    await using started = await startRegistering({
      ...fileOnly,
      [`${prefix}.file_content.compression`]: 'false',
      [`${prefix}.size_trigger`]: '40',
      [`${prefix}.size_interval`]: '10',
    });
    const {clock, files, bodies} = started;
    await clock.advance(4_000);
    expect(bodies()).toHaveLength(1);
    files.put(registered, '{"country":"malta"}');
    await clock.advance(90_000);
    expect(bodies()).toHaveLength(1);
    await clock.advance(10_000);
    expect(bodies()).toHaveLength(2);
    files.put(registered, `{"country":"${'m'.repeat(60)}"}`);
    await clock.advance(10_000);
    expect(bodies()).toHaveLength(3);
  });

  test('nothing is published without the setting, with an interval of 0, by a service host, or after the stop', async () => {
    for (const [entries, serviceHost] of [
      [{}, false],
      [{...fileOnly, registerinterval: '0'}, false],
      [fileOnly, true],
    ] as const) {
      await using started = await startRegistering(entries, {parts: {serviceHost}});
      const {clock, node} = started;
      await clock.advance(500_000);
      expect(node.replies()).toEqual([]);
    }
    const stopped = await startRegistering(fileOnly);
    await stopped.node.server.stop({graceMs: 0});
    await stopped.clock.advance(500_000);
    expect(stopped.bodies()).toEqual([]);
  });
});

describe('bad settings and files', () => {
  test.each([
    [{registration: 'foo'}, 'unknown registration plugin: [foo]'],
    [{registration: 'file_content'}, 'no source data is configured'],
    [{...fileOnly, [`${prefix}.file_content.target`]: 'all.>'}, 'expected a subject without blanks and wildcards'],
  ])('%o stops the start', async (entries, message) => {
    await expect(startRegistering(entries)).rejects.toMatchObject({
      code: 'ERR_SERVER_REGISTRATION',
      message: expect.stringContaining(message) as string,
    });
  });

  test('a file that is gone, empty or too large is logged once, nothing is sent, and it is looked at again', async () => {
    await using started = await startRegistering(fileOnly);
    const {clock, files, bodies, problems} = started;
    files.put(registered, '');
    await clock.advance(304_000);
    expect(problems()).toHaveLength(1);
    expect(problems()[0]).toContain('it is empty');
    files.put(registered, Buffer.alloc(serverLimits.registrationFileBytesMax + 1));
    await clock.advance(200_000);
    expect(problems()).toHaveLength(2);
    expect(problems()[1]).toContain('EFBIG');
    files.fault = (operation, path) =>
      operation === 'stat' && path === registered ? systemError('ENOENT', path) : undefined;
    await clock.advance(100_000);
    expect(problems()).toHaveLength(3);
    expect(bodies()).toEqual([]);
    files.fault = undefined;
    files.put(registered, '{}');
    await clock.advance(100_000);
    expect(bodies()).toHaveLength(1);
  });
});
