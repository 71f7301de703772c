/** Compares documents by key names, nesting and the types of values. */
import {createBrokerAuthenticator} from '../../../../../src/broker/index.ts';
import {createNodePlatform} from '../../../../../src/lib/node-platform.ts';
import {startTestBroker, type TestBroker, testTlsMaterial} from '../../../../support/broker.ts';
import {RawClient} from '../../../../support/raw-client.ts';

/**
 * What only a server with streams says. The embedded engine has none (they are the engine nats-server's), and says so where it is asked; these keys
 * may be missing or smaller.
 */
const streamKeys: ReadonlySet<string> = new Set([
  'jetstream',
  'store_dir',
  'sync_interval',
  'strict',
  'meta_cluster',
  'streams_leader',
  'account_details',
]);
/** What depends on who is connected, and how: present only when it is so. */
const optionalKeys: ReadonlySet<string> = new Set([
  'auth_required',
  'disabled',
  'authorized_user',
  'tls_peer_certs',
  'subscriptions_list',
  'subscriptions_list_detail',
  'qgroup',
  'max',
  'name',
  'rtt',
  'user',
  'compression',
  'stop',
  'reason',
]);

/** The first difference, as a path and what is there; undefined when the shapes are the same. */
export function difference(expected: unknown, got: unknown, path = ''): string | undefined {
  const kind = kindOf(expected);
  if (kindOf(got) !== kind) return `${path || 'the document'}: expected ${kind}, got ${kindOf(got)}`;
  if (kind === 'list') {
    const [first] = expected as readonly unknown[];
    const [other] = got as readonly unknown[];
    return first === undefined || other === undefined ? undefined : difference(first, other, `${path}[0]`);
  }
  if (kind !== 'object') return undefined;
  const left = expected as Readonly<Record<string, unknown>>;
  const right = got as Readonly<Record<string, unknown>>;
  // Tables by free names: paths that were asked for.
  if (path.endsWith('http_req_stats')) return undefined;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    if (streamKeys.has(key)) continue;
    const isThere = Object.hasOwn(left, key) && Object.hasOwn(right, key);
    if (!isThere) {
      if (optionalKeys.has(key)) continue;
      return `${path}.${key}: ${Object.hasOwn(left, key) ? 'missing' : 'not in the reference'}`;
    }
    const found = difference(left[key], right[key], `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (value === null) return 'null';
  return typeof value;
}

export const systemPassword = 's3cret';

/** A broker as `choria broker run` makes it: TLS, certificates, a system account; with a WebSocket listener when asked for. */
export function startFleetBroker(options: {readonly hasWebSocket: boolean}): Promise<TestBroker> {
  const material = testTlsMaterial('broker');
  const tls = {material, clientCertificates: 'if-given'} as const;
  return startTestBroker({
    tls,
    accounts: ['choria', 'system'],
    systemAccount: 'system',
    clusterName: 'CHORIA',
    ...(options.hasWebSocket ? {websocket: {host: '127.0.0.1', port: 0, tls}} : {}),
    authenticator: createBrokerAuthenticator({
      clock: createNodePlatform().clock,
      system: {user: 'system', password: systemPassword},
    }),
  });
}

/** A connection of alice, listening on an inbox. `login` are further fields of CONNECT. */
export async function joinFleet(broker: TestBroker, login: string): Promise<RawClient> {
  const client = await RawClient.connect(broker);
  await client.until(({received}) => received.includes('\r\n'));
  client.take();
  await client.stream.startTlsClient({
    material: testTlsMaterial('alice'),
    serverName: broker.host,
    verify: false,
    timeoutMs: 5000,
  });
  client.listen();
  client.send(
    `CONNECT {"verbose":false,"pedantic":false,${login}"protocol":1,"name":"t","lang":"raw","version":"1"}\r\nPING\r\n`,
  );
  await client.until(({received}) => received.includes('connect_info'));
  client.send('SUB _INBOX.s.* 1\r\n');
  client.take();
  return client;
}
