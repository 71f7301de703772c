import {describe, expect, test} from 'vitest';
import {startTestBroker} from '../../../test/support/broker.ts';
import {RawClient} from '../../../test/support/raw-client.ts';
import {silentLogger} from '../../lib/logger.ts';
import {createNodePlatform} from '../../lib/node-platform.ts';
import {
  createStaticAuthenticator,
  embeddedSource,
  proxySource,
  startStatsListener,
  type StatsSource,
} from '../index.ts';
import type {EngineView} from '../monitoring/view.ts';

const authenticator = createStaticAuthenticator({
  users: [
    {user: 'ann', password: 'x', account: 'one'},
    {user: 'bob', password: 'x', account: 'two'},
  ],
});
const platform = createNodePlatform();

async function listen(source: StatsSource, view?: () => EngineView) {
  const listener = await startStatsListener({
    platform,
    logger: silentLogger,
    host: '127.0.0.1',
    port: 0,
    identity: 'broker.example.net',
    configFile: '/etc/choria/broker.conf',
    isTls: false,
    source,
    view,
  });
  return {
    ...listener,
    url: `http://127.0.0.1:${listener.port}`,
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

async function start() {
  const broker = await startTestBroker({authenticator, accounts: ['one', 'two', 'system'], systemAccount: 'system'});
  const view = (): EngineView => broker.engine.monitoring;
  const stats = await listen(embeddedSource(view), view);
  const join = async (user: string, more = ''): Promise<RawClient> => {
    const client = await RawClient.connect(broker);
    client.send(`CONNECT {"verbose":false,"user":"${user}","pass":"x","name":"${user}"}\r\n${more}PING\r\n`);
    await client.until(({received}) => received.includes('PONG\r\n'));
    return client;
  };
  return {
    broker,
    stats,
    join,
    get: async (target: string) => {
      const response = await fetch(`${stats.url}${target}`, {redirect: 'manual'});
      return {status: response.status, headers: response.headers, text: await response.text()};
    },
    async [Symbol.asyncDispose]() {
      await stats.close();
      await broker[Symbol.asyncDispose]();
    },
  };
}

describe('the stats listener', () => {
  test('shows connections as they were asked for', async () => {
    await using lab = await start();
    await lab.join('ann', 'SUB a 1\r\nSUB b q 2\r\n');
    await lab.join('bob', 'PUB a 3\r\nabc\r\n');
    const names = async (query: string): Promise<unknown> => {
      const {text} = await lab.get(`/connz?${query}`);
      const page = JSON.parse(text) as {connections: {name: string}[]; total: number};
      return [page.total, page.connections.map((item) => item.name)];
    };
    expect(await names('')).toEqual([2, ['ann', 'bob']]);
    expect(await names('sort=bytes_from')).toEqual([2, ['bob', 'ann']]);
    expect(await names('sort=subs&limit=1&offset=1')).toEqual([2, ['bob']]);
    expect(await names('acc=one')).toEqual([1, ['ann']]);
    expect(await names('user=bob')).toEqual([2, ['bob']]);
    expect(await names('filter_subject=b')).toEqual([2, ['ann']]);
    expect(await names('state=closed')).toEqual([0, []]);
    const detail = JSON.parse((await lab.get('/connz?subs=detail')).text) as {connections: Record<string, unknown>[]};
    expect(detail.connections[0]?.['subscriptions_list_detail']).toMatchObject([
      {subject: 'a', sid: '1'},
      {subject: 'b', qgroup: 'q', sid: '2'},
    ]);
  });

  test('odd questions have the answers that tools of nats-server expect', async () => {
    await using lab = await start();
    await lab.join('ann', 'SUB a.b 1\r\n');
    const gone = await lab.join('bob');
    gone.close();
    const second = await lab.join('bob');
    second.send('CONNECT {"user":"bob","pass":"wrong"}\r\n');
    await second.until(({isClosed}) => isClosed);
    const json = async (target: string): Promise<Record<string, unknown>> =>
      JSON.parse((await lab.get(target)).text) as Record<string, unknown>;
    expect(await lab.get('/healthz?stream=x')).toMatchObject({
      status: 400,
      text: '{"status":"error","error":"\\"account\\" must not be empty when checking stream health"}',
    });
    expect(await json('/healthz?consumer=x&details=1')).toMatchObject({errors: [{type: 'BAD_REQUEST'}]});
    expect((await lab.get('/jsz?leader-only=1')).status).toBe(400);
    expect(await json('/connz?mqtt_client=x')).toMatchObject({num_connections: 0, total: 1});
    expect(await json('/connz?cid=18446744073709551615')).toMatchObject({num_connections: 0});
    expect((await lab.get('/connz?cid=18446744073709551616')).text).toMatch(/value out of range$/);
    expect((await lab.get('/connz?cid=-1')).text).toMatch(/invalid syntax$/);
    expect((await lab.get('/connz?limit=9223372036854775808')).text).toMatch(/value out of range$/);
    expect((await lab.get('/routez?subs=detail')).status).toBe(200);
    expect((await lab.get('/leafz?subs=detail')).status).toBe(400);
    expect((await lab.get('/varz?callback=')).status).toBe(200);
    expect((await lab.get('/healthz')).text).toBe('{"status":"ok"}');
    expect(await json('/connz?limit=-1')).toMatchObject({limit: 1024, num_connections: 1});
    expect(await json('/connz?cid=1')).toMatchObject({limit: 1, num_connections: 1});
    expect(await json('/subsz?test=a.b')).not.toHaveProperty('subscriptions_list');
    expect(await json('/subscriptionsz?subs=1&test=a.b')).toMatchObject({subscriptions_list: [{subject: 'a.b'}]});
    const closed = async (sort: string): Promise<readonly unknown[]> =>
      ((await json(`/connz?state=closed&sort=${sort}`))['connections'] as {cid: number}[]).map(({cid}) => cid);
    expect(await closed('stop')).toEqual([3, 2]);
    expect(await closed('reason')).toEqual([3, 2]);
  });

  test.each([
    ['/connz?sort=bogus', 'invalid sorting option: bogus'],
    ['/connz?state=foo', 'Error decoding state for foo'],
    ['/connz?limit=many', `Error decoding int for 'limit': strconv.Atoi: parsing "many": invalid syntax`],
    ['/connz?cid=x', `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "x": invalid syntax`],
    ['/connz?auth=perhaps', `Error decoding boolean for 'auth': strconv.ParseBool: parsing "perhaps": invalid syntax`],
    ['/subsz?test=a..b', 'invalid test subject, must be valid publish subject: a..b'],
    ['/routez?subs=x', "Error decoding boolean for 'subs'"],
    ['/gatewayz?accs=x', "Error decoding boolean for 'accs'"],
    ['/leafz?subs=x', "Error decoding boolean for 'subs'"],
    ['/jsz?streams=x', "Error decoding boolean for 'streams'"],
    ['/jsz?limit=x', "Error decoding int for 'limit'"],
    ['/healthz?js-enabled-only=x', "Error decoding boolean for 'js-enabled-only'"],
    ['/ipqueuesz?all=x', "Error decoding boolean for 'all'"],
    ['/accountz?acc=three', 'Account three does not exist'],
    ['/varz?callback=alert(1)//', 'no name of a function'],
  ])('%s is a bad request that says why', async (target, text) => {
    await using lab = await start();
    const answer = await lab.get(target);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'text/plain; charset=utf-8']);
    expect(answer.text).toContain(text);
  });

  test('every metric has its type and help, and counts', async () => {
    await using lab = await start();
    await lab.join('ann', 'SUB a 1\r\nPUB a 3\r\nabc\r\n');
    for (const path of ['/metrics', '/choria/prometheus', '/choria/metrics']) {
      const {text, headers} = await lab.get(path);
      expect(headers.get('content-type')).toContain('version=0.0.4');
      expect(text).toContain('choria_network_connections{identity="broker.example.net"} 1\n');
      expect(text).toContain('choria_network_out_msgs{identity="broker.example.net"} 1\n');
      expect(text).toContain('# TYPE choria_build_info counter\n');
      expect(text).toContain('choria_protocol_valid{version="2"} 0\n');
      expect(text).toContain('choria_dns_srv_lookups{identity="broker.example.net"} 0\n');
    }
  });

  test('a page of the other engine is passed on, and figures are read from it', async () => {
    await using lab = await start();
    await lab.join('ann');
    await using front = await listen(proxySource({http: platform.http, url: lab.stats.url}));
    const page = JSON.parse(await (await fetch(`${front.url}/connz?acc=one`)).text()) as {total: number};
    expect(page.total).toBe(1);
    expect(await (await fetch(`${front.url}/metrics`)).text()).toContain(
      'choria_network_total_connections{identity="broker.example.net"} 1\n',
    );
  });

  test('the pages of the program itself', async () => {
    await using lab = await start();
    const page = await lab.get('/choria/');
    expect(page.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(JSON.parse(page.text)).toMatchObject({
      identity: 'broker.example.net',
      config_file: '/etc/choria/broker.conf',
      build: {tls: false},
    });
    expect(await lab.get('/choria')).toMatchObject({status: 307});
    expect((await lab.get('/')).text).toContain('href="/varz"');
  });

  test.each([
    '/debug/vars',
    '/debug/pprof/',
    '/stacksz',
    '/raftz',
    '/../../etc/passwd',
    '/%2e%2e/etc/passwd',
    '/varz/..',
    '//varz',
    '/constructor',
    '/__proto__',
  ])('fault 69: %s is not there', async (path) => {
    await using lab = await start();
    const client = await RawClient.connect({host: '127.0.0.1', port: lab.stats.port});
    client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    await client.until(({isClosed}) => isClosed);
    expect(client.received).toMatch(/^HTTP\/1.1 404 /);
  });

  test('fault 69: nothing can be changed', async () => {
    await using lab = await start();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await fetch(`${lab.stats.url}/varz`, {method})).status).toBe(405);
    }
  });
});
