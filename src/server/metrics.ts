/**
 * Figures of one server for Prometheus, in the names of the reference and some of our own, on `plugin.choria.stats_port` (server.md 16; the
 * reference reads the setting and never listens). Written by hand: the usual library would weigh more than what it shows.
 */
import type {Config} from '../config/types.ts';
import {errorMessage} from '../lib/errors.ts';
import type {HttpListener} from '../lib/http-server.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import type {ServerCounters} from './statistics.ts';

/** What is counted of the way to the broker and of what came over it. */
export interface TrafficCounts {
  connectAttempts: number;
  reconnections: number;
  connectionsClosed: number;
  connectionErrors: number;
  /** Undefined until it is connected. */
  connectSeconds: number | undefined;
}

export function createTrafficCounts(): TrafficCounts {
  return {connectAttempts: 0, reconnections: 0, connectionsClosed: 0, connectionErrors: 0, connectSeconds: undefined};
}

export interface MetricsSource {
  readonly identity: string;
  readonly version: string;
  /** Of the source that this was built from; `unknown` where nobody noted it. */
  readonly sha: string;
  readonly protocol: 1 | 2;
  readonly counters: ServerCounters;
  readonly traffic: TrafficCounts;
  readonly isConnected: () => boolean;
  readonly startedAtMs: number;
  readonly certificateExpiresAtMs: number | undefined;
  /** Bytes; undefined where it is not known. */
  readonly residentBytes: () => number | undefined;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'summary';
  readonly samples: readonly string[];
}

const serverCounters = {
  total: ['total', 'Messages received'],
  validated: ['validated', 'Messages that passed validation'],
  unvalidated: ['unvalidated', 'Messages that failed validation'],
  passed: ['passed', 'Requests whose filter matched'],
  filtered: ['filtered', 'Requests whose filter did not match'],
  replies: ['replies', 'Replies published'],
  ttlexpired: ['ttlExpired', 'Requests that came too late'],
  events: ['events', 'Lifecycle events published'],
  replayed: ['replayed', 'Requests that came a second time'],
  refused: ['refused', 'Messages refused because of a limit'],
} as const;

/** Prometheus text. */
export function renderServerMetrics(source: MetricsSource): string {
  const {identity, traffic, protocol} = source;
  const counts = source.counters.snapshot();
  const identityLabel = `identity="${label(identity)}"`;
  const of = (value: number, labels = identityLabel): readonly string[] => [`{${labels}} ${value}`];
  const plain = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'counter',
    samples: [` ${value}`],
  });
  const perProtocol = (name: string, help: string, value: number): Metric => ({
    name: `choria_protocol_${name}`,
    help,
    type: 'counter',
    samples: ['1', '2'].map((version) => `{version="${version}"} ${version === String(protocol) ? value : 0}`),
  });
  const gauge = (name: string, help: string, samples: readonly string[]): Metric => ({
    name,
    help,
    type: 'gauge',
    samples,
  });
  const residentBytes = source.residentBytes();
  const {certificateExpiresAtMs} = source;
  const metrics: readonly Metric[] = [
    {
      name: 'choria_build_info',
      help: 'What this program is; the value is always 1',
      type: 'counter',
      samples: of(1, `version="${label(source.version)}",sha="${label(source.sha)}",${identityLabel}`),
    },
    ...Object.entries(serverCounters).map(
      ([name, [counter, help]]): Metric => ({
        name: `choria_server_${name}`,
        help,
        type: 'counter',
        samples: of(counts[counter]),
      }),
    ),
    gauge('choria_server_connected', 'Whether there is a connection to a broker', of(source.isConnected() ? 1 : 0)),
    gauge(
      'choria_server_last_message_timestamp_seconds',
      'When a request was last accepted; 0 for never',
      of((source.counters.lastMessageAtMs ?? 0) / 1000),
    ),
    ...(certificateExpiresAtMs === undefined
      ? []
      : [
          gauge(
            'choria_server_certificate_expiry_timestamp_seconds',
            'When the own certificate ends',
            of(certificateExpiresAtMs / 1000),
          ),
        ]),
    plain(
      'choria_connector_initial_connection_attempts',
      'Attempts at a first connection to a broker',
      traffic.connectAttempts,
    ),
    plain('choria_connector_reconnections', 'Connections to a broker that were made again', traffic.reconnections),
    plain('choria_connector_connection_closed', 'Connections to a broker that were closed', traffic.connectionsClosed),
    plain('choria_connector_errors', 'Errors on connections to a broker', traffic.connectionErrors),
    {
      name: 'choria_connector_initial_connect_time',
      help: 'Seconds that the first connection took',
      type: 'summary',
      samples: [`_sum ${traffic.connectSeconds ?? 0}`, `_count ${traffic.connectSeconds === undefined ? 0 : 1}`],
    },
    perProtocol(
      'valid',
      'Messages whose signature and form are good',
      counts.total - counts.unvalidated - counts.refused,
    ),
    perProtocol('invalid', 'Messages whose signature or form is not good', counts.unvalidated),
    gauge('process_start_time_seconds', 'When this server started', [` ${source.startedAtMs / 1000}`]),
    ...(residentBytes === undefined
      ? []
      : [gauge('process_resident_memory_bytes', 'Resident memory of this process', [` ${residentBytes}`])]),
  ];
  return metrics
    .map(({name, help, type, samples}) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map((sample) => `${name}${sample}`), ''].join(
        '\n',
      ),
    )
    .join('');
}

function label(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
}

const paths: ReadonlySet<string> = new Set(['/metrics', '/choria/prometheus', '/choria/metrics']);

/** Undefined when no port is configured, or it cannot be had: that is logged and stops nothing else. */
export async function startServerMetrics(options: {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly source: MetricsSource;
}): Promise<HttpListener | undefined> {
  const {config, platform, logger, source} = options;
  const port = config.get('plugin.choria.stats_port');
  if (port <= 0) return undefined;
  const host = config.get('plugin.choria.stats_address');
  try {
    const listener = await platform.httpServers.listen({
      host,
      port,
      handler: ({method, path}) =>
        method === 'GET' && paths.has(path)
          ? {
              status: 200,
              headers: {'content-type': 'text/plain; version=0.0.4; charset=utf-8'},
              body: renderServerMetrics(source),
            }
          : {status: 404, body: 'not found\n'},
      onError: (error) => logger.warn(`Could not answer a request for metrics: ${errorMessage(error)}`),
    });
    logger.info(`Listening for requests for metrics on ${listener.host}:${listener.port}`);
    return listener;
  } catch (error) {
    logger.error(`Metrics are not served on ${host}:${port}: ${errorMessage(error)}`);
    return undefined;
  }
}
