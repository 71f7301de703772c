/** A login through a web provider, a request signed by what it gave, and the record of it on a live broker. */
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {openConnection} from '../src/connect/index.ts';
import {readToken, signToken, ed25519PrivateKey} from '../src/crypto/index.ts';
import type {HttpRequest} from '../src/lib/http.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {seedOf, startTestAaa} from './support/aaa.ts';
import {startTestBroker, type TestBroker} from './support/broker.ts';

const tokenUrl = 'https://login.example.net/oauth2/token';
const settings = {
  authenticator: 'web',
  web_authenticator: {
    token_url: tokenUrl,
    client_id: 'choria',
    client_secret_file: '/aaa/client.secret',
    ca: '/aaa/web-ca.pem',
    validity: '1h',
    signing_key: '/aaa/chain.seed',
    signing_token: '/aaa/chain.jwt',
  },
  auditors: ['logfile', 'jetstream'],
  jetstream_auditor: {topic: 'choria.audit.signatures'},
};
let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker();
});
afterAll(() => broker[Symbol.asyncDispose]());

/** Answers as a provider of OpenID Connect does. */
function webLogin(requests: HttpRequest[], status = 200, ownName?: string) {
  return {
    async request(request: HttpRequest) {
      requests.push(request);
      const form = new URLSearchParams(String(request.body));
      const isKnown = form.get('username') === 'bob' && form.get('password') === 'secret';
      const known = ownName === undefined ? {} : {preferred_username: ownName};
      const claims = {sub: 'bob', groups: ['ops'], choria_acls: ['rpcutil.*'], ...known};
      const document = isKnown
        ? {id_token: signToken(claims, ed25519PrivateKey(seedOf('web')))}
        : {error: 'invalid_grant'};
      return {
        status: isKnown ? status : 400,
        statusText: '',
        headers: new Map<string, string>(),
        body: Buffer.from(JSON.stringify(document)),
      };
    },
  };
}

async function start(requests: HttpRequest[], status?: number, ownName?: string) {
  const connection = await openConnection({
    platform: createNodePlatform(),
    name: 'aaa audit',
    servers: [broker.url],
    inboxPrefix: '_INBOX.aaa',
  });
  const aaa = await startTestAaa({
    settings,
    http: webLogin(requests, status, ownName),
    auditConnection: connection,
    files: {'/aaa/client.secret': 'client-secret-1\n', '/aaa/web-ca.pem': 'PEM of the web'},
  });
  return {aaa, connection};
}

describe('a web login', () => {
  test('gives a token with the rights of the web’s groups, by which requests are signed and recorded on a subject', async () => {
    const requests: HttpRequest[] = [];
    const {aaa, connection} = await start(requests, 200, 'bob');
    await using listener = await openConnection({
      platform: createNodePlatform(),
      name: 'listener',
      servers: [broker.url],
      inboxPrefix: 'l',
    });
    const heard: Record<string, unknown>[] = [];
    listener.subscribe('choria.audit.>', ({payload}) => {
      heard.push(JSON.parse(payload.toString()) as Record<string, unknown>);
    });
    await listener.flush({timeoutMs: 5000});

    const {token = '', error} = await aaa.post('/choria/v1/login', aaa.loginBody());
    expect(error ?? '').toBe('');
    expect(readToken(token).claims).toMatchObject({
      callerid: 'up=bob',
      agents: ['rpcutil.*'],
      user_properties: {groups: 'ops'},
    });
    const [asked] = requests;
    expect(asked).toMatchObject({url: tokenUrl, method: 'POST', tls: {material: {caPem: 'PEM of the web'}}});
    expect(Object.fromEntries(new URLSearchParams(String(asked?.body)))).toMatchObject({
      grant_type: 'password',
      client_id: 'choria',
      client_secret: 'client-secret-1',
      username: 'bob',
    });

    const signed = await aaa.post('/choria/v1/sign', await aaa.signBody({}, {token}));
    expect(signed['secure_request']).toBeDefined();
    const denied = await aaa.post(
      '/choria/v1/sign',
      await aaa.signBody({agent: 'shell', body: Buffer.from('{"agent":"shell","action":"run","data":{}}')}, {token}),
    );
    expect(denied['secure_request']).toBeUndefined();
    await expect.poll(() => heard.length).toBe(2);
    expect(heard.map(({action}) => action)).toEqual(['allow', 'deny']);
    expect(heard[0]).toMatchObject({
      protocol: 'io.choria.signer.v1.signature_audit',
      callerid: 'up=bob',
      site: 'london',
      request: {agent: 'rpcutil'},
    });
    // No record, no signature: the broker is gone.
    await connection.close();
    const unrecorded = await aaa.post('/choria/v1/sign', await aaa.signBody({}, {token}));
    expect(unrecorded['secure_request']).toBeUndefined();
    const told = JSON.stringify([aaa.logger.lines, heard, aaa.fake.files.text('/aaa/audit.log')]);
    for (const secret of ['client-secret-1', token]) expect(told).not.toContain(secret);
  });

  test.each([
    {what: 'a wrong password', status: 200, change: {password: 'guess'}, ownName: undefined},
    {what: 'a web that fails', status: 500, change: {}, ownName: undefined},
    {what: 'a name in another spelling than the web’s own', status: 200, change: {}, ownName: 'Bob'},
  ])('with $what gives nothing', async ({status, change, ownName}) => {
    const {aaa, connection} = await start([], status, ownName);
    const {token, error} = await aaa.post('/choria/v1/login', aaa.loginBody(change));
    expect([token, error]).toEqual([undefined, 'Login failed']);
    await connection.close();
  });
});
