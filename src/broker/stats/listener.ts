/** The HTTP listener that shows operators and Prometheus what happens in a broker. It reads and changes nothing. */
import type {HttpServerRequest, HttpServerResponse} from '../../lib/http-server.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Platform} from '../../lib/platform.ts';
import {version} from '../../lib/version.ts';
import {errorMessage} from '../../lib/errors.ts';
import {defaultBrokerLimits} from '../limits.ts';
import type {EngineView} from '../monitoring/view.ts';
import {createProcessUsage} from '../monitoring/node-usage.ts';
import {type BrokerMetrics, createBrokerMetrics} from './metrics.ts';
import {monitoringPaths, type StatsSource} from './source.ts';

export interface StatsListenerOptions {
  readonly platform: Pick<Platform, 'httpServers' | 'host' | 'clock'>;
  readonly logger: Logger;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly identity: string;
  readonly configFile: string;
  readonly isTls: boolean;
  readonly source: StatsSource;
  /** Of the embedded engine, for the metrics that only it has. */
  readonly view?: (() => EngineView) | undefined;
  readonly srvLookups?: (() => number) | undefined;
  /** Called for each request of a page that exists. */
  readonly onRequest?: (path: string) => void;
}

export interface StatsListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

const text = {'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff'};
const metricsType = {'Content-Type': 'text/plain; version=0.0.4; charset=utf-8'};
const metricPaths: ReadonlySet<string> = new Set(['/metrics', '/choria/prometheus', '/choria/metrics']);

/** @throws {NetworkError} `ERR_NETWORK_LISTEN` */
export async function startStatsListener(options: StatsListenerOptions): Promise<StatsListener> {
  const {platform, logger, identity} = options;
  const metrics = await createBrokerMetrics({identity, view: options.view, srvLookups: options.srvLookups});
  const usage = createProcessUsage(platform);
  const listener = await platform.httpServers.listen({
    host: options.host,
    port: options.port,
    // Nothing here takes a body.
    limits: {bodyBytesMax: 1024},
    onError: (error) => logger.warn('Could not answer a request of the stats listener', {error: errorMessage(error)}),
    handler: async (request) => {
      const page = pageOf(request.path);
      if (page !== undefined) options.onRequest?.(page);
      const response = await answer(request, {...options, metrics, usage});
      return request.method === 'HEAD' ? {...response, body: ''} : response;
    },
  });
  logger.info(`Listening for statistics on ${listener.host}:${listener.port}`);
  return {host: listener.host, port: listener.port, close: () => listener.close()};
}

/** Counted by page, so that free paths do not grow the table; undefined where there is none. */
function pageOf(path: string): string | undefined {
  if (path === '/choria' || path.startsWith('/choria/')) return '/choria';
  if (path === '/subscriptionsz') return '/subsz';
  return path === '/' || path === '/metrics' || monitoringPaths.some((known) => known === path) ? path : undefined;
}

async function answer(
  request: HttpServerRequest,
  parts: StatsListenerOptions & {
    readonly metrics: BrokerMetrics;
    readonly usage: ReturnType<typeof createProcessUsage>;
  },
): Promise<HttpServerResponse> {
  const {path, method} = request;
  if (method !== 'GET' && method !== 'HEAD') {
    return {status: 405, headers: {...text, Allow: 'GET, HEAD'}, body: 'Method Not Allowed\n'};
  }
  if (metricPaths.has(path)) {
    return {status: 200, headers: metricsType, body: await parts.metrics.render(await parts.source.figures())};
  }
  if (path === '/choria') return {status: 307, headers: {...text, Location: '/choria/'}, body: ''};
  if (path.startsWith('/choria/')) {
    return {status: 200, headers: text, body: `${JSON.stringify(processDocument(parts))}\n`};
  }
  if (path === '/') return {status: 200, headers: indexHeaders, body: indexPage};
  return (await parts.source.page(path, request.query)) ?? {status: 404, headers: text, body: '404 page not found\n'};
}

function processDocument(
  parts: StatsListenerOptions & {readonly usage: ReturnType<typeof createProcessUsage>},
): object {
  const {rssBytes, cpuPercent, cores} = parts.usage();
  return {
    build: {
      version,
      sha: 'unknown',
      build_date: 'unknown',
      license: 'Apache-2.0',
      tls: parts.isTls,
      secure: parts.isTls,
      go: '',
      max_broker_clients: defaultBrokerLimits.connectionsMax,
    },
    system: {rss: rssBytes, cpu_percent: cpuPercent, cpu_cores: cores},
    config_file: parts.configFile,
    identity: parts.identity,
  };
}

const indexHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'",
  'X-Content-Type-Options': 'nosniff',
};

const indexPage = `<!doctype html>
<html lang="en">
<head><title>Choria broker</title></head>
<body>
<h1>Choria broker</h1>
<ul>
${[...monitoringPaths, '/choria/', '/metrics'].map((path) => `<li><a href="${path}">${path}</a></li>`).join('\n')}
</ul>
</body>
</html>
`;
