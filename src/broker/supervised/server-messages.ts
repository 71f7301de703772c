/** What nats-server says of itself, read with care: ports, numbers, connections that ended. */
import {JsonError, parseJson} from '../../lib/json.ts';
import type {EngineAddresses, EngineStatistics} from '../types.ts';
import type {PortsFile} from './child.ts';
import type {ListenPorts} from './configuration.ts';

const kinds = {
  client: 'nats',
  monitoring: 'monitoring',
  cluster: 'cluster',
  gateway: 'gateway',
  leaf: 'leafnodes',
  websocket: 'websocket',
} as const satisfies Record<keyof ListenPorts, string>;

/** The addresses to show, and the real ports in the place of those that were 0. */
export function readAddresses(
  ports: PortsFile,
  wanted: ListenPorts,
): {readonly addresses: EngineAddresses; readonly ports: ListenPorts} {
  const real = Object.fromEntries(
    (Object.keys(wanted) as (keyof ListenPorts)[]).map((name) => {
      const address = ports.get(kinds[name])?.[0];
      const port = /:(\d+)$/.exec(address ?? '')?.[1];
      return [name, port === undefined ? wanted[name] : Number(port)] as const;
    }),
  ) as Partial<ListenPorts>;
  const client = ports.get('nats')?.[0] ?? '';
  const websocket = ports.get('websocket')?.[0];
  const monitoring = ports.get('monitoring')?.[0];
  return {
    addresses: {
      client,
      ...(websocket === undefined ? {} : {websocket}),
      ...(monitoring === undefined ? {} : {monitoring}),
    },
    ports: {...wanted, ...real},
  };
}

/** Members of a JSON object; empty for everything else. */
export function jsonMembers(payload: Uint8Array): ReadonlyMap<string, unknown> {
  try {
    return membersOf(parseJson(payload));
  } catch (error) {
    if (error instanceof JsonError) return new Map();
    throw error;
  }
}

export function membersOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}

export function readVariables(payload: Uint8Array): EngineStatistics | undefined {
  const data = membersOf(jsonMembers(payload).get('data'));
  if (!data.has('connections')) return undefined;
  const count = (name: string): number => {
    const value = data.get(name);
    return typeof value === 'number' ? value : 0;
  };
  return {
    connections: count('connections'),
    totalConnections: count('total_connections'),
    subscriptions: count('subscriptions'),
    inMessages: count('in_client_msgs'),
    outMessages: count('out_client_msgs'),
    inBytes: count('in_client_bytes'),
    outBytes: count('out_client_bytes'),
    slowConsumers: count('slow_consumers'),
  };
}
