/** The Prometheus metrics of a broker: the reference's names and labels, then ours. */
import type {Registry} from 'prom-client';
import {build, version} from '../../lib/version.ts';
import type {EngineView} from '../monitoring/view.ts';
import {type NetworkFigures, streamFigures} from './source.ts';

/** Every metric of the stats listener, so that dashboards, alerts and the reference page can be checked against it. */
export const brokerMetrics = {
  choria_build_info: 'What this program is; the value is always 1',
  choria_connector_initial_connection_attempts: 'Attempts at a first connection to a broker',
  choria_connector_reconnections: 'Connections to a broker that were made again',
  choria_connector_connection_closed: 'Connections to a broker that were closed',
  choria_connector_errors: 'Errors on connections to a broker',
  choria_connector_initial_connect_time: 'Seconds that the first connection took',
  choria_dns_srv_lookups: 'Questions for SRV records',
  choria_dns_srv_cachehits: 'Questions for SRV records that were answered from memory',
  choria_dns_srv_cachemiss: 'Questions for SRV records that the name server was asked',
  choria_protocol_valid: 'Messages that were valid',
  choria_protocol_invalid: 'Messages that were refused',
  choria_protocol_error: 'Messages that could not be checked',
  choria_protocol_json_parse_failures: 'Messages that are not JSON',
  choria_network_connections: 'Client connections now',
  choria_network_total_connections: 'Client connections since the start',
  choria_network_routes: 'Routes to other brokers of the cluster now',
  choria_network_remotes: 'Other brokers that are known',
  choria_network_leafnode_remotes: 'Leaf node connections now',
  choria_network_leafnode_rtt_ms: 'Round trip to a leaf node, in milliseconds',
  choria_network_leafnode_in_msgs: 'Messages received from a leaf node',
  choria_network_leafnode_out_msgs: 'Messages sent to a leaf node',
  choria_network_leafnode_in_bytes: 'Bytes of payload received from a leaf node',
  choria_network_leafnode_out_bytes: 'Bytes of payload sent to a leaf node',
  choria_network_leafnode_subscriptions: 'Subscriptions of a leaf node now',
  choria_network_in_msgs: 'Messages received since the start',
  choria_network_out_msgs: 'Messages sent since the start',
  choria_network_in_bytes: 'Bytes of payload received since the start',
  choria_network_out_bytes: 'Bytes of payload sent since the start',
  choria_network_slow_consumers: 'Connections that were cut because they did not read',
  choria_network_subscriptions: 'Subscriptions now',
  choria_network_stream_memorystore_max: 'Bytes of memory that streams may use',
  choria_network_stream_filestore_max: 'Bytes of disk that streams may use',
  choria_network_stream_memorystore_used: 'Bytes of memory that streams use',
  choria_network_stream_filestore_used: 'Bytes of disk that streams use',
  choria_network_stream_streams: 'Streams now',
  choria_network_stream_consumers: 'Consumers of streams now',
  choria_network_stream_messages: 'Messages in streams',
  choria_network_stream_message_bytes: 'Bytes of messages in streams',
  choria_broker_refused_connections_total: 'Connections that were not let in',
  choria_broker_permission_violations_total: 'Subscriptions and messages that were refused',
  choria_broker_stale_connections_total: 'Connections that were given up because they did not answer',
  choria_broker_publisher_rests_total: 'How often a publisher had to wait for a slow recipient',
  choria_broker_certificate_expiry_timestamp_seconds: 'When the certificate of the broker ends',
} as const;
export type BrokerMetric = keyof typeof brokerMetrics;

export interface BrokerMetrics {
  /** Text in the format 0.0.4. */
  render(figures: NetworkFigures): Promise<string>;
}

const plainGauges = {
  choria_network_connections: 'connections',
  choria_network_total_connections: 'totalConnections',
  choria_network_routes: 'routes',
  choria_network_remotes: 'remotes',
  choria_network_leafnode_remotes: 'leafnodes',
  choria_network_in_msgs: 'inMessages',
  choria_network_out_msgs: 'outMessages',
  choria_network_in_bytes: 'inBytes',
  choria_network_out_bytes: 'outBytes',
  choria_network_slow_consumers: 'slowConsumers',
  choria_network_subscriptions: 'subscriptions',
} as const satisfies Partial<Record<BrokerMetric, keyof NetworkFigures>>;

const leafGauges = ['rtt_ms', 'in_msgs', 'out_msgs', 'in_bytes', 'out_bytes', 'subscriptions'] as const;

const connectorCounters = [
  'choria_connector_initial_connection_attempts',
  'choria_connector_reconnections',
  'choria_connector_connection_closed',
  'choria_connector_errors',
] as const;

const protocolCounters = [
  'choria_protocol_valid',
  'choria_protocol_invalid',
  'choria_protocol_error',
  'choria_protocol_json_parse_failures',
] as const;

/** Loads the library only when there is a listener. */
export async function createBrokerMetrics(options: {
  readonly identity: string;
  /** Of the embedded engine; another engine has no figures of its own for ours. */
  readonly view?: (() => EngineView) | undefined;
  /** Questions for SRV records since the start; none is remembered. */
  readonly srvLookups?: (() => number) | undefined;
}): Promise<BrokerMetrics> {
  const {Counter, Gauge, Registry: ClientRegistry, Summary, collectDefaultMetrics} = await import('prom-client');
  const registry: Registry = new ClientRegistry();
  const {identity, view} = options;
  const common = (name: BrokerMetric) => ({name, help: brokerMetrics[name], registers: [registry]});
  collectDefaultMetrics({register: registry});
  // Their sums, under names that the conventions keep for counters; the figures by type stay.
  for (const name of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${name}_total`);
  new Counter({...common('choria_build_info'), labelNames: ['version', 'sha', 'identity']}).inc({
    version,
    sha: build.commit,
    identity,
  });
  for (const name of connectorCounters) new Counter(common(name)).inc(0);
  const connectTime = new Summary({...common('choria_connector_initial_connect_time'), percentiles: []});
  connectTime.reset();
  for (const name of protocolCounters) {
    const counter = new Counter({...common(name), labelNames: ['version']});
    for (const protocol of ['1', '2']) counter.inc({version: protocol}, 0);
  }
  const gauge = (name: BrokerMetric) => new Gauge({...common(name), labelNames: ['identity']});
  const plain = Object.entries(plainGauges).map(([name, field]) => [gauge(name as BrokerMetric), field] as const);
  const streams = streamFigures.map((field) => [gauge(`choria_network_stream_${field}`), field] as const);
  const leafs = leafGauges.map(
    (field) =>
      [
        new Gauge({
          ...common(`choria_network_leafnode_${field}`),
          labelNames: ['identity', 'host', 'port', 'account'],
        }),
        field,
      ] as const,
  );
  const srvLookups = options.srvLookups ?? (() => 0);
  const lookups = (name: BrokerMetric, read: () => number) => {
    const counter = new Counter({
      ...common(name),
      labelNames: ['identity'],
      collect() {
        counter.reset();
        counter.inc({identity}, read());
      },
    });
  };
  lookups('choria_dns_srv_lookups', srvLookups);
  lookups('choria_dns_srv_cachehits', () => 0);
  lookups('choria_dns_srv_cachemiss', srvLookups);
  if (view !== undefined) addOwnMetrics({registry, identity, view, Counter, Gauge});
  return {
    render(figures) {
      for (const [item, field] of plain) item.set({identity}, figures[field]);
      for (const [item, field] of streams) item.set({identity}, figures.streams[field]);
      for (const [item, field] of leafs) {
        // Series of those that are gone end.
        item.reset();
        for (const leaf of figures.leafs) {
          const {host, port, account} = leaf;
          item.set({identity, host, port, account}, leaf[field]);
        }
      }
      return registry.metrics();
    },
  };
}

function addOwnMetrics(parts: {
  readonly registry: Registry;
  readonly identity: string;
  readonly view: () => EngineView;
  readonly Counter: typeof import('prom-client').Counter;
  readonly Gauge: typeof import('prom-client').Gauge;
}): void {
  const {registry, identity, view} = parts;
  const counts: Readonly<Partial<Record<BrokerMetric, (view: EngineView) => number>>> = {
    choria_broker_refused_connections_total: ({core}) => core.refusals,
    choria_broker_permission_violations_total: ({core}) => core.violations,
    choria_broker_stale_connections_total: ({core}) => core.staleConnections,
    choria_broker_publisher_rests_total: ({core}) => core.stalls,
  };
  for (const [name, read] of Object.entries(counts) as [BrokerMetric, (view: EngineView) => number][]) {
    const counter = new parts.Counter({
      name,
      help: brokerMetrics[name],
      registers: [registry],
      labelNames: ['identity'],
      collect() {
        counter.reset();
        counter.inc({identity}, read(view()));
      },
    });
  }
  const expiry = new parts.Gauge({
    name: 'choria_broker_certificate_expiry_timestamp_seconds',
    help: brokerMetrics.choria_broker_certificate_expiry_timestamp_seconds,
    registers: [registry],
    labelNames: ['identity'],
    collect() {
      const atMs = view().certificateExpiresAtMs;
      if (atMs !== undefined) expiry.set({identity}, atMs / 1000);
    },
  });
}
