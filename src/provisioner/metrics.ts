/** What the provisioner counts, in the names that dashboards know. */
import type {Clock} from '../lib/platform.ts';

const counters = {
  discovered: 'Nodes found by discovery',
  event_discovered: 'Nodes found by their startup events',
  discover_cycles: 'Discoveries made',
  discovery_errors: 'Discoveries that failed',
  provision_errors: 'Nodes that could not be provisioned',
  provisioned: 'Nodes provisioned',
  rpc_errors: 'Requests to nodes that failed',
  helper_errors: 'Helpers that failed',
  helper_shutdown_requests: 'Nodes that the helper had shut down',
} as const;

const gauges = {
  busy_workers: 'Workers that provision a node now',
  work_queue_entries: 'Nodes that wait for a worker',
  waiting_nodes: 'Nodes that are known and not provisioned yet',
  paused: 'Whether another provisioner leads',
} as const;

const times = {rpc: 'Time that requests to nodes took', helper: 'Time that helpers took'} as const;

export type CounterName = keyof typeof counters;
export type GaugeName = keyof typeof gauges;

export interface ProvisionerMetrics {
  count(name: CounterName, rpc?: string): void;
  gauge(name: GaugeName, value: number): void;
  /** @returns call it when it is over */
  time(name: keyof typeof times, rpc?: string): () => void;
  value(name: CounterName | GaugeName): number;
  /** Prometheus text. */
  render(): string;
}

const prefix = 'choria_provisioner_';

export function createProvisionerMetrics(options: {readonly clock: Clock; readonly site: string}): ProvisionerMetrics {
  const {clock} = options;
  const values = new Map<string, number>();
  const site = options.site.replace(/[\\"\n]/g, '_');
  const labels = (rpc: string): string => (rpc === '' ? `{site="${site}"}` : `{site="${site}",rpc="${rpc}"}`);
  const add = (name: string, rpc: string, amount: number): void => {
    const key = `${name}${labels(rpc)}`;
    values.set(key, (values.get(key) ?? 0) + amount);
  };
  const lines = (name: string, form: {readonly kind: string; readonly help: string}): readonly string[] => [
    `# HELP ${prefix}${name} ${form.help}`,
    `# TYPE ${prefix}${name} ${form.kind}`,
    ...[...values]
      .filter(([key]) => new Set([name, `${name}_sum`, `${name}_count`]).has(key.slice(0, key.indexOf('{'))))
      .map(([key, value]) => `${prefix}${key} ${value}`),
  ];
  return {
    count: (name, rpc = '') => add(name, rpc, 1),
    gauge: (name, value) => void values.set(`${name}${labels('')}`, value),
    time(name, rpc = '') {
      const startedMs = clock.monotonicMs();
      return () => {
        add(`${name}_time_sum`, rpc, (clock.monotonicMs() - startedMs) / 1000);
        add(`${name}_time_count`, rpc, 1);
      };
    },
    value: (name) =>
      [...values].filter(([key]) => key.startsWith(`${name}{`)).reduce((sum, [, value]) => sum + value, 0),
    render() {
      const all = [
        ...Object.entries(counters).flatMap(([name, help]) => lines(name, {kind: 'counter', help})),
        ...Object.entries(gauges).flatMap(([name, help]) => lines(name, {kind: 'gauge', help})),
        ...Object.entries(times).flatMap(([name, help]) => lines(`${name}_time`, {kind: 'summary', help})),
      ];
      return `${all.join('\n')}\n`;
    },
  };
}
