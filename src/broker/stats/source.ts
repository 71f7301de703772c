/** Where the pages of the stats listener come from: the documents of the embedded engine, or the listener of a nats-server beside us. */
import type {HttpClient} from '../../lib/http.ts';
import type {HttpServerResponse} from '../../lib/http-server.ts';
import {connz} from '../monitoring/connz.ts';
import {
  accountStatz,
  accountz,
  gatewayz,
  healthDocument,
  isHealthy,
  jsz,
  leafz,
  routez,
  subsz,
  varz,
} from '../monitoring/documents.ts';
import {type EngineView, QuestionError} from '../monitoring/view.ts';
import {engineLimits} from '../limits.ts';
import {booleanOf, connzQuery, integerOf} from './query.ts';

export interface StatsSource {
  /** Undefined: there is no such page. */
  page(path: string, query: URLSearchParams): Promise<HttpServerResponse | undefined>;
  figures(): Promise<NetworkFigures>;
}

/** What the metrics `choria_network_*` are set to. */
export interface NetworkFigures {
  readonly connections: number;
  readonly totalConnections: number;
  readonly routes: number;
  readonly remotes: number;
  readonly leafnodes: number;
  readonly inMessages: number;
  readonly outMessages: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly slowConsumers: number;
  readonly subscriptions: number;
  /** Leaf nodes that are connected. */
  readonly leafs: readonly LeafFigures[];
  readonly streams: Readonly<Record<StreamFigure, number>>;
}

export interface LeafFigures {
  readonly host: string;
  readonly port: string;
  readonly account: string;
  readonly rtt_ms: number;
  readonly in_msgs: number;
  readonly out_msgs: number;
  readonly in_bytes: number;
  readonly out_bytes: number;
  readonly subscriptions: number;
}

export const streamFigures = [
  'memorystore_max',
  'filestore_max',
  'memorystore_used',
  'filestore_used',
  'streams',
  'consumers',
  'messages',
  'message_bytes',
] as const;
export type StreamFigure = (typeof streamFigures)[number];

const jsonHeaders = {'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*'};

export const monitoringPaths = [
  '/varz',
  '/connz',
  '/routez',
  '/gatewayz',
  '/leafz',
  '/subsz',
  '/subscriptionsz',
  '/accountz',
  '/accstatz',
  '/jsz',
  '/healthz',
  '/ipqueuesz',
] as const;
type MonitoringPath = (typeof monitoringPaths)[number];

export function embeddedSource(view: () => EngineView): StatsSource {
  return {
    page: (path, query) => Promise.resolve(embeddedPage(view(), path, query)),
    figures: () => Promise.resolve(figuresOf(varz(view()) as Fields, {streams: {}, leafs: {}})),
  };
}

function embeddedPage(view: EngineView, path: string, query: URLSearchParams): HttpServerResponse | undefined {
  const known = monitoringPaths.find((item) => item === path);
  if (known === undefined) return undefined;
  try {
    checkParameters(known, query);
    // Who looks at health looks for these very bytes.
    const document = documents[known](view, query);
    const json = JSON.stringify(document, null, known === '/healthz' ? 0 : 2);
    const status = known === '/healthz' && !isHealthy(document) ? 400 : 200;
    const callback = query.get('callback') ?? '';
    if (callback === '') return {status, headers: jsonHeaders, body: json};
    if (!/^[A-Za-z_$][\w$.]{0,63}$/.test(callback)) throw new QuestionError('the callback is no name of a function');
    return {status, headers: {'Content-Type': 'application/javascript'}, body: `${callback}(${json})`};
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error;
    return {status: error.status, headers: {'Content-Type': 'text/plain; charset=utf-8'}, body: error.message};
  }
}

/** What an engine without links and streams has nothing to tell of is still checked, so that a mistyped question is no answer. */
const parameters: Partial<
  Readonly<Record<MonitoringPath, {readonly flags: readonly string[]; readonly counts?: readonly string[]}>>
> = {
  '/routez': {flags: ['subs']},
  '/gatewayz': {flags: ['subs', 'accs']},
  '/leafz': {flags: ['subs']},
  '/jsz': {
    flags: [
      'accounts',
      'streams',
      'consumers',
      'direct-consumers',
      'config',
      'leader-only',
      'raft',
      'stream-leader-only',
    ],
    counts: ['offset', 'limit'],
  },
  '/healthz': {flags: ['js-enabled', 'js-enabled-only', 'js-server-only', 'js-meta-only', 'details']},
  '/ipqueuesz': {flags: ['all']},
};

/** @throws {QuestionError} */
function checkParameters(path: MonitoringPath, query: URLSearchParams): void {
  const {flags = [], counts = []} = parameters[path] ?? {};
  for (const name of flags) if (!isDetailAsked(path, name, query)) booleanOf(query, name);
  for (const name of counts) integerOf(query, name);
}

/** More than yes and no. */
function isDetailAsked(path: MonitoringPath, name: string, query: URLSearchParams): boolean {
  return name === 'subs' && path !== '/leafz' && (query.get(name) ?? '').toLowerCase() === 'detail';
}

function subscriptionsPage(view: EngineView, query: URLSearchParams): object {
  return subsz(view, {
    isListed: booleanOf(query, 'subs'),
    offset: integerOf(query, 'offset'),
    limit: integerOf(query, 'limit'),
    account: query.get('acc') ?? '',
    test: query.get('test') ?? '',
  });
}

const documents: Readonly<Record<MonitoringPath, (view: EngineView, query: URLSearchParams) => object>> = {
  '/varz': varz,
  '/connz': (view, query) => connz(view, connzQuery(query)),
  '/routez': routez,
  '/gatewayz': gatewayz,
  '/leafz': leafz,
  '/subsz': subscriptionsPage,
  '/subscriptionsz': subscriptionsPage,
  '/accountz': (view, query) => accountz(view, query.get('acc') ?? undefined),
  '/accstatz': (view, query) => {
    const all = [...view.core.accounts.values()];
    // nats-server shows the accounts that somebody uses, unless asked for all.
    const shown = booleanOf(query, 'unused') ? all : all.filter((account) => account.connectionCount > 0);
    return accountStatz(view, shown);
  },
  '/jsz': (view, query) => {
    if (booleanOf(query, 'leader-only')) throw new QuestionError('filtered response: not leader');
    return jsz(view);
  },
  '/healthz': (_view, query) => healthDocument((name) => query.get(name) ?? '', booleanOf(query, 'details')),
  '/ipqueuesz': () => ({}),
};

/** The pages of a nats-server on a private port, passed on as they are. */
export function proxySource(options: {readonly http: HttpClient; readonly url: string}): StatsSource {
  const ask = async (target: string) => {
    const {status, headers, body} = await options.http.request({
      url: `${options.url}${target}`,
      timeoutMs: engineLimits.statsProxyMs,
      responseBytesMax: engineLimits.statsProxyBytesMax,
    });
    return {status, type: headers.get('content-type') ?? 'application/json', body};
  };
  return {
    page: async (path, query) => {
      // Only these: stacks and variables of the other program are nobody's business here.
      if (!monitoringPaths.some((item) => item === path)) return undefined;
      const text = query.toString();
      const {status, type, body} = await ask(text === '' ? path : `${path}?${text}`);
      return {status, headers: {'Content-Type': type, 'Access-Control-Allow-Origin': '*'}, body};
    },
    figures: async () => {
      const [server, streams, leafs] = await Promise.all([ask('/varz'), ask('/jsz'), ask('/leafz')]);
      return figuresOf(fieldsOf(server.body), {streams: fieldsOf(streams.body), leafs: fieldsOf(leafs.body)});
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(body: Buffer): Fields {
  const value: unknown = JSON.parse(body.toString('utf8'));
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function leafFigures(document: Fields): readonly LeafFigures[] {
  const list = document['leafs'];
  return (Array.isArray(list) ? list : []).slice(0, engineLimits.leafSeriesMax).map((leaf: unknown) => ({
    host: text(leaf, 'ip'),
    port: String(number(leaf, 'port')),
    account: text(leaf, 'account'),
    rtt_ms: durationMs(text(leaf, 'rtt')),
    in_msgs: number(leaf, 'in_msgs'),
    out_msgs: number(leaf, 'out_msgs'),
    in_bytes: number(leaf, 'in_bytes'),
    out_bytes: number(leaf, 'out_bytes'),
    subscriptions: number(leaf, 'subscriptions'),
  }));
}

/** Go's text of a duration such as `1.5ms` or `219µs`. */
function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ns|µs|μs|us|ms|s)$/.exec(text);
  const factors: Readonly<Record<string, number>> = {ns: 1e-6, µs: 1e-3, μs: 1e-3, us: 1e-3, ms: 1, s: 1000};
  return match === null ? 0 : Number(match[1]) * (factors[match[2] ?? ''] ?? 0);
}

function text(fields: unknown, name: string): string {
  const value = typeof fields === 'object' && fields !== null ? (fields as Fields)[name] : undefined;
  return typeof value === 'string' ? value : '';
}

function number(fields: unknown, ...path: readonly string[]): number {
  let value: unknown = fields;
  for (const name of path) {
    value = typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined;
  }
  return typeof value === 'number' ? value : 0;
}

function figuresOf(
  server: Fields,
  {streams, leafs}: {readonly streams: Fields; readonly leafs: Fields},
): NetworkFigures {
  return {
    connections: number(server, 'connections'),
    totalConnections: number(server, 'total_connections'),
    routes: number(server, 'routes'),
    remotes: number(server, 'remotes'),
    leafnodes: number(server, 'leafnodes'),
    inMessages: number(server, 'in_msgs'),
    outMessages: number(server, 'out_msgs'),
    inBytes: number(server, 'in_bytes'),
    outBytes: number(server, 'out_bytes'),
    slowConsumers: number(server, 'slow_consumers'),
    subscriptions: number(server, 'subscriptions'),
    leafs: leafFigures(leafs),
    streams: {
      memorystore_max: number(streams, 'config', 'max_memory'),
      filestore_max: number(streams, 'config', 'max_storage'),
      memorystore_used: number(streams, 'memory'),
      filestore_used: number(streams, 'storage'),
      streams: number(streams, 'streams'),
      consumers: number(streams, 'consumers'),
      messages: number(streams, 'messages'),
      message_bytes: number(streams, 'bytes'),
    },
  };
}
