/** Faults 64 and 67 at the signing service: what is signed is what was judged, and nothing secret is ever told. */
import {describe, expect, test} from 'vitest';
import {createSignerHostProvider, parseSettings} from '../../src/aaa/index.ts';
import {readSecret} from '../../src/aaa/keys.ts';
import {createMemoryChoriaProvider, ed25519PublicFromSeed, readToken, signEd25519} from '../../src/crypto/index.ts';
import {encodeRequest, encodeTransport, openRequest, openTransport} from '../../src/protocol/index.ts';
import {bcryptOfSecret, scryptOfSecret, seedOf, startTestAaa, type TestAaa} from '../support/aaa.ts';
import {systemError} from '../support/fake-files.ts';

const sign = '/choria/v1/sign';
const loginPath = '/choria/v1/login';
const denied = {error: 'Request denied'};
const failed = {error: 'Login failed'};

/** The request inside a signed answer, opened as a server opens it. */
function openSigned(aaa: TestAaa, answer: Readonly<Record<string, string>>) {
  const provider = createMemoryChoriaProvider({
    identity: 'n1',
    mode: 'server',
    issuers: {choria: ed25519PublicFromSeed(aaa.seeds.issuer).toString('hex')},
  });
  const transport = openTransport(
    encodeTransport({
      version: 2,
      payload: Buffer.from(answer['secure_request'] ?? '', 'base64'),
      senderId: 'dev1.example.net',
      trace: [],
    }),
  );
  return openRequest(transport, {provider, nowMs: aaa.fake.clock.nowMs()}).request;
}

/** Puts the caller's own token where the client puts it. */
function withCaller(answer: Readonly<Record<string, string>>, token: string): Readonly<Record<string, string>> {
  const document = JSON.parse(Buffer.from(answer['secure_request'] ?? '', 'base64').toString()) as object;
  return {secure_request: Buffer.from(JSON.stringify({...document, caller: token})).toString('base64')};
}

/** Users come from a file of their own. */
const usersInFile = {
  userlist_authenticator: {
    users_file: '/aaa/users.json',
    signing_key: '/aaa/chain.seed',
    signing_token: '/aaa/chain.jwt',
  },
};

describe('login', () => {
  test.each([
    ['bcrypt', bcryptOfSecret],
    ['scrypt', scryptOfSecret],
  ])('a user with a %s hash gets a token that the organisation vouches for', async (_kind, passwordHash) => {
    const aaa = await startTestAaa({passwordHash});
    const answer = await aaa.post(loginPath, aaa.loginBody());
    const {claims} = readToken(answer['token'] ?? '');
    expect(claims).toMatchObject({
      callerid: 'up=bob',
      agents: ['rpcutil.*'],
      ou: 'choria',
      user_properties: {group: 'ops'},
      permissions: {fleet_management: true, signed_fleet_management: true},
      public_key: ed25519PublicFromSeed(aaa.seeds.caller).toString('hex'),
    });
    // The token is good enough to have a request signed, and the signed one good enough for a server.
    const signed = await aaa.post(sign, await aaa.signBody({}, {token: answer['token']}));
    expect(openSigned(aaa, withCaller(signed, answer['token'] ?? ''))).toMatchObject({
      callerId: 'up=bob',
      agent: 'rpcutil',
      filter: {identities: ['n1']},
    });
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['a wrong password', {password: 'Secret'}],
    ['no password', {password: ''}],
    ['an unknown user', {username: 'alice'}],
    ['an old timestamp', {timestamp: '1700000000'}],
    ['a timestamp in the future', {timestamp: '9999999999'}],
    ['another key than the one that signed', {public_key: 'ab'.repeat(32)}],
    ['a forged signature', {signature: 'ab'.repeat(64)}],
    ['a password that is too long', {password: 'x'.repeat(10_000)}],
    ['a user name with a line end', {username: 'bob\nroot'}],
  ])('%s is refused with the same answer', async (_what, change) => {
    const aaa = await startTestAaa();
    expect(await aaa.post(loginPath, aaa.loginBody(change))).toEqual(failed);
  });

  test('a list of users that changed counts for the next login, one that cannot be read refuses', async () => {
    const aaa = await startTestAaa({settings: usersInFile});
    expect(await aaa.post(loginPath, aaa.loginBody())).toEqual(failed);
    const users = JSON.stringify([{username: 'bob', password: bcryptOfSecret, acls: ['*']}]);
    await aaa.fake.files.writeAtomic('/aaa/users.json', users, {mode: 0o600});
    expect(Object.keys(await aaa.post(loginPath, aaa.loginBody()))).toEqual(['token']);
    await aaa.fake.files.writeAtomic('/aaa/users.json', '[{', {mode: 0o600});
    expect(await aaa.post(loginPath, aaa.loginBody())).toEqual(failed);
  });

  test('fault 64: users whose requests would be signed in one name are no list', async () => {
    const aaa = await startTestAaa({settings: usersInFile});
    const list = (...names: readonly string[]): string =>
      JSON.stringify(names.map((username) => ({username, password: bcryptOfSecret, acls: ['*']})));
    await aaa.fake.files.writeAtomic('/aaa/users.json', list('bob', 'b.c', 'b@c'), {mode: 0o600});
    expect(await aaa.post(loginPath, aaa.loginBody())).toEqual(failed);
    await aaa.fake.files.writeAtomic('/aaa/users.json', list('bob', 'b.c'), {mode: 0o600});
    expect(Object.keys(await aaa.post(loginPath, aaa.loginBody()))).toEqual(['token']);
  });

  test('a program may know the users; whatever else it answers is a no', async () => {
    let output = '{"username":"bob","acls":["rpcutil.ping"]}';
    let exitCode = 0;
    const aaa = await startTestAaa({
      settings: {
        authenticator: 'program',
        program_authenticator: {
          command: '/usr/bin/ask',
          signing_key: '/aaa/chain.seed',
          signing_token: '/aaa/chain.jwt',
        },
      },
      programs: {'/usr/bin/ask': () => ({exitCode, stdout: Buffer.from(output)})},
    });
    const {token = ''} = await aaa.post(loginPath, aaa.loginBody());
    expect(readToken(token).claims['agents']).toEqual(['rpcutil.ping']);
    // The password travels on standard input, never among the arguments that everybody on the machine can read.
    expect(JSON.stringify(aaa.fake.runs.map(({args, env}) => [args, env]))).not.toContain('secret');
    for (output of ['', 'null', '{"username":"root"}', '{"username":"bob"},{"username":"bob"}']) {
      expect(await aaa.post(loginPath, aaa.loginBody())).toEqual(failed);
    }
    [output, exitCode] = ['{"username":"bob"}', 1];
    expect(await aaa.post(loginPath, aaa.loginBody())).toEqual(failed);
  });
});

describe('fault 64: the signer', () => {
  test('fault 64: a filter, agent or body that was changed after the caller signed is refused', async () => {
    const aaa = await startTestAaa();
    const body = JSON.parse((await aaa.signBody()).toString()) as Record<string, string>;
    for (const [from, to] of [
      ['"n1"', '"n2"'],
      ['rpcutil"', 'puppet"'],
      ['"ttl":60', '"ttl":61'],
    ] as const) {
      const request = Buffer.from(body['request'] ?? '', 'base64')
        .toString()
        .replace(from, to);
      const forged = {...body, request: Buffer.from(request).toString('base64')};
      expect(await aaa.post(sign, Buffer.from(JSON.stringify(forged)))).toEqual(denied);
    }
  });

  test.each([
    '{"agent":"rpcutil","action":"stop","Action":"ping","action":"stop","data":{}}',
    '{"agent":"rpcutil","action":"stop","ACTION":"ping","data":{}}',
    '{"agent":"rpcutil","action":"stop","action":"ping","data":{}}',
    '{"agent":"shell","Agent":"rpcutil","action":"ping","data":{}}',
    '{"agent":"rpcutil","action":"ping","data":{"noop":false,"noop":true}}',
    '{"agent":"rpcutil","action":"ping","data":{},"d\\u0061ta":{}}',
  ])('fault 64: a body that two servers would read in two ways is never signed: %s', async (body) => {
    const aaa = await startTestAaa();
    expect(await aaa.post(sign, await aaa.signBody({body: Buffer.from(body)}))).toEqual(denied);
    const good = Buffer.from('{"agent":"rpcutil","action":"ping","data":{"env":{"PATH":"/bin","path":"x"}}}');
    expect(Object.keys(await aaa.post(sign, await aaa.signBody({body: good})))).toEqual(['secure_request']);
  });

  test('fault 64: a signed request whose filter was changed is refused by servers', async () => {
    const aaa = await startTestAaa();
    const token = await aaa.token();
    const answer = await aaa.post(sign, await aaa.signBody({}, {token}));
    const document = JSON.parse(Buffer.from(answer['secure_request'] ?? '', 'base64').toString()) as Record<
      string,
      string
    >;
    const request = Buffer.from(document['request'] ?? '', 'base64')
      .toString()
      .replace('"n1"', '"n2"');
    const forged = {...document, caller: token, request: Buffer.from(request).toString('base64')};
    expect(() => openSigned(aaa, {secure_request: Buffer.from(JSON.stringify(forged)).toString('base64')})).toThrow(
      'the signature was not made by the holder',
    );
  });

  test.each<[string, Parameters<TestAaa['signBody']>[0]]>([
    [
      'another agent than the token allows',
      {agent: 'puppet', body: Buffer.from('{"agent":"puppet","action":"status","data":{}}')},
    ],
    [
      'a body for another agent than the request',
      {body: Buffer.from('{"agent":"puppet","action":"status","data":{}}')},
    ],
    ['an allowed body inside a request for another agent', {agent: 'puppet'}],
    ['a body that is no call', {body: Buffer.from('ping')}],
    ['a request from yesterday', {sentAtMs: Date.UTC(2026, 10, 20, 12)}],
    ['a request of tomorrow', {sentAtMs: Date.UTC(2026, 10, 22, 12)}],
  ])('fault 64: %s is not signed', async (_what, change) => {
    const aaa = await startTestAaa();
    expect(await aaa.post(sign, await aaa.signBody(change))).toEqual(denied);
  });

  test.each<[string, (aaa: TestAaa) => Promise<Readonly<Record<string, unknown>>>]>([
    ['no token', async () => ({token: ''})],
    ['a token of another key', async () => ({token: `${'a.'.repeat(2)}a`})],
    ['an expired token', async (aaa) => ({token: await aaa.token({}, -1_000)})],
    ['a token that lives too long', async (aaa) => ({token: await aaa.token({}, 86_400_000)})],
    ['no signature', async () => ({signature: ''})],
    [
      'a signature by another key',
      async () => ({signature: signEd25519(seedOf('eve'), Buffer.from('x')).toString('hex')}),
    ],
    ['a request that is no text', async () => ({request: 7})],
    ['a token without a caller', async (aaa) => ({token: await aaa.token({callerid: ''})})],
    ['a token without agents', async (aaa) => ({token: await aaa.token({agents: []})})],
  ])('fault 64: %s is not signed', async (_what, change) => {
    const aaa = await startTestAaa();
    expect(await aaa.post(sign, await aaa.signBody({}, await change(aaa)))).toEqual(denied);
  });

  test.each(['"AGENT":"shell"', '"Caller":"up=root"', '"MESSAGE":"e30="', '"Filter":{}', '"\\u0041gent":"shell"'])(
    'fault 64: a request that other programs read as another one is not signed: %s',
    async (extra) => {
      const aaa = await startTestAaa();
      const {request = ''} = JSON.parse((await aaa.signBody()).toString('utf8')) as Readonly<Record<string, string>>;
      const text = Buffer.from(request, 'base64').toString('utf8');
      const signed = (changed: string): Readonly<Record<string, string>> => ({
        request: Buffer.from(changed).toString('base64'),
        signature: signEd25519(seedOf('caller'), Buffer.from(changed)).toString('hex'),
      });
      expect(Object.keys(await aaa.post(sign, await aaa.signBody({}, signed(text))))).toEqual(['secure_request']);
      expect(await aaa.post(sign, await aaa.signBody({}, signed(text.replace(/}$/, `,${extra}}`))))).toEqual(denied);
    },
  );

  test('fault 64: the caller is the one of the token, whoever the request names', async () => {
    const aaa = await startTestAaa();
    const token = await aaa.token();
    const answer = await aaa.post(sign, await aaa.signBody({callerId: 'up=root'}, {token}));
    expect(openSigned(aaa, withCaller(answer, token)).callerId).toBe('up=bob');
  });

  test('fault 64: a long-lived token needs the permission for it; discovery is always signed', async () => {
    const aaa = await startTestAaa();
    const token = await aaa.token({permissions: {fleet_management: true, service: true}}, 86_400_000);
    const ping = {agent: 'discovery', body: Buffer.from('ping')};
    expect(Object.keys(await aaa.post(sign, await aaa.signBody(ping, {token})))).toEqual(['secure_request']);
  });

  test('fault 64: a caller who asks too often waits, others do not', async () => {
    const aaa = await startTestAaa({settings: {rate_limits: {signatures_per_second: 3, logins_per_minute: 3}}});
    const answers: string[] = [];
    for (let count = 0; count < 5; count++)
      answers.push(Object.keys(await aaa.post(sign, await aaa.signBody())).join());
    expect(answers).toEqual(['secure_request', 'secure_request', 'secure_request', 'error', 'error']);
    const token = await aaa.token({callerid: 'up=alice'});
    const other = await aaa.signBody({callerId: 'up=alice'}, {token});
    expect(Object.keys(await aaa.post(sign, other))).toEqual(['secure_request']);
    await aaa.fake.clock.advance(1_000);
    expect(Object.keys(await aaa.post(sign, await aaa.signBody()))).toEqual(['secure_request']);
    // Nobody tries passwords quickly, neither of one user nor from one address.
    const wrong = aaa.loginBody({password: 'guess'});
    for (let count = 0; count < 3; count++) await aaa.post(loginPath, wrong);
    expect(await aaa.post(loginPath, aaa.loginBody())).toEqual(failed);
    expect(await aaa.post(loginPath, aaa.loginBody(), '192.0.2.9')).toEqual(failed);
  });

  test('fault 64: nothing is signed that could not be audited', async () => {
    const aaa = await startTestAaa();
    aaa.fake.files.fault = (operation, path) => (operation === 'append' ? systemError('ENOSPC', path) : undefined);
    expect(await aaa.post(sign, await aaa.signBody())).toEqual(denied);
    aaa.fake.files.fault = undefined;
    await aaa.post(sign, await aaa.signBody());
    await aaa.post(sign, await aaa.signBody({agent: 'puppet'}));
    const lines = (aaa.fake.files.text('/aaa/audit.log') ?? '').split('\n').filter((line) => line !== '');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      {action: 'allow', caller: 'up=bob', site: 'london', level: 'info'},
      {action: 'deny', caller: 'up=bob', site: 'london', level: 'warning'},
    ]);
  });

  test('fault 64: other paths and methods lead nowhere', async () => {
    const {service} = await startTestAaa();
    const ask = async (method: string, path: string) =>
      (await service.handle({method, path, body: Buffer.alloc(0), remoteAddress: '192.0.2.1'})).status;
    expect(await ask('GET', sign)).toBe(405);
    expect(await ask('POST', '/choria/v1/sign/')).toBe(404);
    expect(await ask('POST', '/../etc/passwd')).toBe(404);
    expect(await ask('POST', sign)).toBe(200);
  });

  test('fault 64: the host of the agent takes unsigned requests to the signer and to nobody else', async () => {
    const trust = {issuers: {choria: ed25519PublicFromSeed(seedOf('issuer')).toString('hex')}};
    const provider = createSignerHostProvider(createMemoryChoriaProvider({identity: 'aaa', mode: 'server', ...trust}));
    const caller = createMemoryChoriaProvider({
      identity: 'bob',
      mode: 'client',
      seed: seedOf('caller').toString('hex'),
    });
    const nowMs = Date.UTC(2026, 10, 21, 12);
    const open = async (agent: string) => {
      const request = {
        id: '3MOtkJwx0KP3fNDwZnJDNrBgQNc',
        senderId: 'dev1.example.net',
        collective: 'choria',
        agent,
        ttlSeconds: 60,
        sentAtMs: nowMs,
        body: Buffer.from('{}'),
      };
      const payload = await encodeRequest(request, {provider: {...caller, credential: 'x.y.z'}, unsigned: true});
      return openRequest(
        openTransport(encodeTransport({version: 2, payload, senderId: 'dev1.example.net', trace: []})),
        {provider, nowMs},
      );
    };
    expect((await open('aaa_signer')).proven.signedBy).toBe('unsigned');
    await expect(open('rpcutil')).rejects.toThrow('Cannot accept request');
  });
});

describe('fault 67: secrets', () => {
  test('fault 67: passwords, tokens and signatures never reach the log or the audit trail', async () => {
    const aaa = await startTestAaa();
    const body = JSON.parse((await aaa.signBody()).toString()) as Record<string, string>;
    const {token = ''} = await aaa.post(loginPath, aaa.loginBody());
    await aaa.post(loginPath, aaa.loginBody({password: 'hunter2'}));
    await aaa.post(sign, Buffer.from(JSON.stringify(body)));
    await aaa.post(sign, Buffer.from(JSON.stringify({...body, signature: 'ab'.repeat(64)})));
    await aaa.post(sign, Buffer.from('{"token":"hunter2'));
    await aaa.post(sign, Buffer.from(JSON.stringify({...body, token: `${token}x`})));
    const told = JSON.stringify(aaa.logger.lines) + (aaa.fake.files.text('/aaa/audit.log') ?? '');
    for (const secret of ['hunter2', '"secret"', body['token'], body['signature'], token, token.split('.')[2]]) {
      expect(told).not.toContain(secret);
    }
  });

  test.each(['/aaa/signer.seed', '/aaa/chain.seed'])(
    'fault 67: the key %s must belong to its owner alone',
    async (path) => {
      const aaa = await startTestAaa();
      const text = aaa.fake.files.text(path) ?? '';
      await aaa.fake.files.writeAtomic(path, text, {mode: 0o640});
      await expect(readSecret(aaa.fake.files, path)).rejects.toThrow('expected 0600');
      await expect(readSecret(aaa.fake.files, path)).rejects.not.toThrow(text);
    },
  );

  test('fault 67: a configuration that cannot be used is told without its values', () => {
    const parse = (value: unknown) => () => parseSettings(Buffer.from(JSON.stringify(value)), '/aaa/config.json');
    const users = [{username: 'bob', password: ['hunter2']}];
    expect(parse({authenticator: 'userlist', userlist_authenticator: {signing_key: 'k', users}})).toThrow(
      /^((?!hunter2).)*$/s,
    );
    expect(parse({signer: 'basicjwt', basicjwt_signer: {signing_certificate: 'x'}})).toThrow('"authorizer"');
    expect(parse({})).toThrow('expected at least one of them');
    expect(parse({authenticator: 'ldap'})).toThrow('expected userlist, program, web');
    expect(parse([])).toThrow('no JSON object');
  });
});
