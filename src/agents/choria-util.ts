/** `choria_util`: how a node is connected, and its autonomous agents. Vectors: `agents/rpc.json`. */
import {ActionFailure, decodeInputs} from '../rpc/index.ts';
import type {RpcAction} from '../rpc/index.ts';
import type {Agent, NodeContext} from '../rpc/types.ts';
import {builtinAgent, ok} from './builtin.ts';

export function createChoriaUtilAgent(version: string): Agent {
  return builtinAgent({
    name: 'choria_util',
    version,
    timeoutSeconds: 10,
    actions: {
      info: info(version),
      machine_states: machineStates,
      machine_state: machineState,
      machine_transition: machineTransition,
    },
  });
}

function info(version: string): RpcAction {
  return async (_request, {node}) => {
    const {config, platform} = node;
    const connected = node.connectedServer() ?? '';
    const connection = node.connection?.();
    const isEncrypted = connection?.encrypted ?? true;
    return ok({
      security: 'choria',
      connector: 'choria',
      client_version: version,
      client_flavour: `choria node ${process.versions.node}`,
      client_options: {
        servers: connection?.servers ?? (connected === '' ? [] : [connected]),
        dont_randomize_servers: false,
        name: connection?.clientName ?? node.identity,
        pedantic: false,
        secure: isEncrypted,
        allow_reconnect: true,
        max_reconnect_attempts: -1,
        reconnect_time_wait: 2,
        connect_timeout: 2,
        ping_interval: 120,
        max_outstanding_pings: 2,
      },
      client_stats: {
        in_msgs: connection?.messagesIn ?? 0,
        out_msgs: connection?.messagesOut ?? 0,
        in_bytes: connection?.bytesIn ?? 0,
        out_bytes: connection?.bytesOut ?? 0,
        reconnects: connection?.reconnects ?? 0,
      },
      connected_server: connected,
      facter_domain: '',
      facter_command: connection?.facterCommand ?? '',
      srv_domain: config.get('plugin.choria.srv_domain'),
      using_srv: config.get('plugin.choria.use_srv'),
      middleware_servers: hostsAndPorts(config.get('plugin.choria.middleware_hosts')),
      path: platform.env['PATH'] ?? '',
      choria_version: `choria ${version}`,
      secure_protocol: true,
      connector_tls: isEncrypted,
    });
  };
}

/** `nats://host:port` and `host:port` are both written in configurations; callers see the short form. */
function hostsAndPorts(hosts: readonly string[]): readonly string[] {
  return hosts.map((host) => host.replace(/^[a-z]+:\/\//, ''));
}

interface Machine {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly id: string;
}

interface Criteria {
  readonly instance: string;
  readonly name: string;
  readonly path: string;
  readonly version?: string;
}

function machinesOf(node: NodeContext): readonly Machine[] {
  return node.machines().filter((machine): machine is Machine => {
    return typeof machine === 'object' && machine !== null && 'name' in machine && 'id' in machine;
  });
}

const machineStates: RpcAction = async (_request, {node}) => {
  const machines = machinesOf(node);
  return ok({
    machine_ids: machines.map((machine) => machine.id),
    machine_names: machines.map((machine) => machine.name),
    states: Object.fromEntries(machines.map((machine) => [machine.id, machine])),
  });
};

const unknownMachine = {
  name: 'unknown machine',
  version: 'unknown machine',
  state: 'unknown machine',
  path: '',
  id: '',
  start_time: 0,
  available_transitions: null,
  scout: false,
};

const machineState: RpcAction = async (request, {node}) => {
  const criteria = decodeInputs(request, {
    type: 'choriautil.req',
    fields: {instance: 'string', name: 'string', path: 'string'},
  });
  const fail = (message: string): ActionFailure => new ActionFailure(message, {data: unknownMachine});
  if (criteria.instance === '' && criteria.name === '' && criteria.path === '') throw fail('No search criteria given');
  const machines = machinesOf(node);
  if (machines.length === 0) throw fail('No running machines');
  const [found, ...more] = machines.filter((machine) => matches(machine, criteria));
  if (more.length > 0) throw fail('Found multiple machines matching criteria');
  if (!found) throw fail('Could not find a matching machine');
  return ok(found);
};

function matches(machine: Machine, criteria: Criteria): boolean {
  return (
    (criteria.instance === '' || machine.id === criteria.instance) &&
    (criteria.name === '' || machine.name === criteria.name) &&
    (criteria.path === '' || machine.path === criteria.path) &&
    (!criteria.version || machine.version === criteria.version)
  );
}

/** No machine of this build takes events from outside, so none can accept one. */
const machineTransition: RpcAction = async (request) => {
  const {instance, version, name, path, transition} = decodeInputs(request, {
    type: 'choriautil.req',
    fields: {instance: 'string', version: 'string', name: 'string', path: 'string', transition: 'string'},
  });
  throw new ActionFailure(
    `Could not perform ${transition} transition: could not find machine matching criteria name='${name}', version='${version}', path='${path}', id='${instance}'`,
    {data: {success: false}},
  );
};
