/** `choria broker server`: what brokers say of themselves, in the words that users of the reference know. */
import type {ArgumentSpec, CommandSpec, FlagSpec} from '../types.ts';
import {configFlag} from './flags.ts';

const jsonFlag: FlagSpec = {name: 'json', short: 'j', kind: 'boolean', help: 'Produce JSON output'};
const reverseFlag: FlagSpec = {name: 'reverse', short: 'R', kind: 'boolean', help: 'Turn the order around'};
const expectArgument: ArgumentSpec = {name: 'expect', kind: 'integer', help: 'How many brokers to wait for'};
const limitArgument: ArgumentSpec = {name: 'limit', kind: 'integer', help: 'Wait for this many brokers at most'};
const waitArgument: ArgumentSpec = {name: 'wait', kind: 'integer', help: 'Wait for this many answers'};
const hostFlag: FlagSpec = {name: 'host', kind: 'string', help: 'Only the broker on this host'};
const clusterFlag: FlagSpec = {name: 'cluster', kind: 'string', help: 'Only brokers of this cluster'};

const connectionSorts = ['in-bytes', 'out-bytes', 'in-msgs', 'out-msgs', 'uptime', 'cid', 'subs'];

const connectionsReport: Omit<CommandSpec, 'name'> = {
  aliases: ['conn', 'connz', 'conns'],
  help: 'Report on connections',
  flags: [
    configFlag,
    {name: 'account', kind: 'string', help: 'Only connections of this account'},
    {name: 'sort', kind: 'enum', default: 'subs', values: connectionSorts, help: 'Sort by this property'},
    {name: 'top', kind: 'integer', default: '1000', help: 'Limit results to this many'},
    {name: 'subject', kind: 'string', help: 'Only connections that listen to this subject'},
    {name: 'username', kind: 'string', help: 'Only connections of this user'},
    {
      name: 'state',
      kind: 'enum',
      default: 'open',
      values: ['open', 'closed', 'all'],
      help: 'Only connections in this state',
    },
    hostFlag,
    clusterFlag,
    jsonFlag,
    reverseFlag,
  ],
  arguments: [limitArgument],
  run: async () => (await import('./broker-server-report-run.ts')).runBrokerConnections,
};

const kick: CommandSpec = {
  name: 'kick',
  help: 'Close one connection of one broker',
  flags: [configFlag],
  arguments: [
    {name: 'client', kind: 'integer', required: true, help: 'Number of the connection'},
    {name: 'server', required: true, help: 'Id of the broker'},
  ],
  run: async () => (await import('./broker-server-request-run.ts')).runBrokerKick,
};

const reportFlags = [configFlag, hostFlag, clusterFlag, jsonFlag, reverseFlag];

const report: CommandSpec = {
  name: 'report',
  aliases: ['rep'],
  help: 'Tables about all brokers',
  commands: [
    {
      name: 'accounts',
      aliases: ['acct'],
      help: 'Report on what accounts do',
      flags: [
        configFlag,
        {name: 'top', kind: 'integer', default: '1000', help: 'Limit results to this many'},
        hostFlag,
        clusterFlag,
        jsonFlag,
      ],
      arguments: [{name: 'account', help: 'Only this account'}, limitArgument],
      run: async () => (await import('./broker-server-report-run.ts')).runBrokerAccounts,
    },
    {name: 'connections', ...connectionsReport},
    {
      name: 'cpu',
      help: 'Report on the use of processors',
      flags: reportFlags,
      arguments: [limitArgument],
      run: async () => (await import('./broker-server-report-run.ts')).runBrokerCpu,
    },
    {
      name: 'gateways',
      aliases: ['gateway', 'gw'],
      help: 'Report on gateways to other clusters',
      flags: reportFlags,
      arguments: [limitArgument],
      run: async () => (await import('./broker-server-report-run.ts')).runBrokerGateways,
    },
    {
      name: 'health',
      help: 'Report on the health of brokers',
      flags: reportFlags,
      arguments: [limitArgument],
      run: async () => (await import('./broker-server-report-run.ts')).runBrokerHealth,
    },
    {
      name: 'leafnodes',
      aliases: ['leaf', 'leafnode', 'leafz'],
      help: 'Report on leaf nodes',
      flags: reportFlags,
      arguments: [limitArgument],
      run: async () => (await import('./broker-server-report-run.ts')).runBrokerLeafnodes,
    },
    {
      name: 'mem',
      help: 'Report on the use of memory',
      flags: reportFlags,
      arguments: [limitArgument],
      run: async () => (await import('./broker-server-report-run.ts')).runBrokerMemory,
    },
    {
      name: 'routes',
      aliases: ['route'],
      help: 'Report on routes between the members of a cluster',
      flags: reportFlags,
      arguments: [limitArgument],
      run: async () => (await import('./broker-server-report-run.ts')).runBrokerRoutes,
    },
  ],
};

const pageFlags: readonly FlagSpec[] = [
  {name: 'limit', kind: 'integer', default: '2048', help: 'Limit the answers to this many records'},
  {name: 'offset', kind: 'integer', default: '0', help: 'Start at this record'},
  {name: 'name', kind: 'string', help: 'Only brokers of this name'},
  hostFlag,
  clusterFlag,
];

const request: CommandSpec = {
  name: 'request',
  aliases: ['req'],
  help: 'Ask brokers for their monitoring documents',
  flags: pageFlags,
  commands: [
    {
      name: 'accounts',
      aliases: ['accountz', 'acct'],
      help: 'Show details of accounts',
      flags: [configFlag, {name: 'account', kind: 'string', help: 'Details of this account'}],
      arguments: [waitArgument],
      run: async () => (await import('./broker-server-request-run.ts')).runRequestAccounts,
    },
    {
      name: 'connections',
      aliases: ['conn', 'connz'],
      help: 'Show details of connections',
      flags: [
        configFlag,
        {name: 'sort', kind: 'string', default: 'cid', help: 'Sort by this property'},
        {name: 'subscriptions', kind: 'boolean', help: 'Show subscriptions'},
        {name: 'filter-cid', kind: 'integer', valueName: 'CID', help: 'Only the connection of this number'},
        {
          name: 'filter-state',
          kind: 'enum',
          default: 'open',
          values: ['open', 'closed', 'all'],
          help: 'Only connections in this state',
        },
        {name: 'filter-user', kind: 'string', valueName: 'USER', help: 'Only connections of this user'},
        {name: 'filter-account', kind: 'string', valueName: 'ACCOUNT', help: 'Only connections of this account'},
        {
          name: 'filter-subject',
          kind: 'string',
          valueName: 'SUBJECT',
          help: 'Only connections that listen to this subject',
        },
      ],
      arguments: [waitArgument],
      run: async () => (await import('./broker-server-request-run.ts')).runRequestConnections,
    },
    {
      name: 'gateways',
      aliases: ['gateway', 'gatewayz'],
      help: 'Show details of gateways',
      flags: [configFlag],
      arguments: [waitArgument],
      run: async () => (await import('./broker-server-request-run.ts')).runRequestGateways,
    },
    kick,
    {
      name: 'leafnodes',
      aliases: ['leaf', 'leafz'],
      help: 'Show details of leaf nodes',
      flags: [configFlag],
      arguments: [waitArgument],
      run: async () => (await import('./broker-server-request-run.ts')).runRequestLeafnodes,
    },
    {
      name: 'routes',
      aliases: ['route', 'routez'],
      help: 'Show details of routes',
      flags: [configFlag],
      arguments: [waitArgument],
      run: async () => (await import('./broker-server-request-run.ts')).runRequestRoutes,
    },
    {
      name: 'subscriptions',
      aliases: ['sub', 'subsz'],
      help: 'Show subscriptions',
      flags: [
        configFlag,
        {name: 'detail', kind: 'boolean', help: 'Show each subscription'},
        {name: 'filter-account', kind: 'string', valueName: 'ACCOUNT', help: 'Only those of this account'},
        {name: 'filter-subject', kind: 'string', valueName: 'SUBJECT', help: 'Only those that match this subject'},
      ],
      arguments: [waitArgument],
      run: async () => (await import('./broker-server-request-run.ts')).runRequestSubscriptions,
    },
    {
      name: 'variables',
      aliases: ['var', 'varz'],
      help: 'Show settings and figures',
      flags: [configFlag],
      arguments: [waitArgument],
      run: async () => (await import('./broker-server-request-run.ts')).runRequestVariables,
    },
  ],
};

/** A warning and a critical threshold. */
function thresholds(name: string, what: string, kind: 'integer' | 'duration' = 'integer'): readonly FlagSpec[] {
  return [
    {name: `${name}-warn`, kind, help: `Warning threshold of ${what}`},
    {name: `${name}-critical`, kind, help: `Critical threshold of ${what}`},
  ];
}

const check: CommandSpec = {
  name: 'check',
  help: 'Checks for Nagios: one line, and 0, 1, 2 or 3',
  commands: [
    {
      name: 'connection',
      aliases: ['conn'],
      help: 'Check a connection to a broker',
      flags: [configFlag],
      run: async () => (await import('./broker-server-check-run.ts')).runCheckConnection,
    },
    {
      name: 'request',
      aliases: ['req'],
      help: 'Check a service that answers requests',
      flags: [
        configFlag,
        {name: 'subject', kind: 'string', help: 'The subject to send the request to'},
        {name: 'payload', kind: 'string', help: 'Payload of the request'},
        {name: 'match-payload', kind: 'string', help: 'Regular expression that the answer has to match'},
        {name: 'response-critical', kind: 'duration', help: 'Critical threshold of the time to the answer'},
        {name: 'response-warn', kind: 'duration', help: 'Warning threshold of the time to the answer'},
      ],
      run: async () => (await import('./broker-server-check-run.ts')).runCheckRequest,
    },
    {
      name: 'meta',
      aliases: ['raft'],
      help: 'Check the cluster that keeps streams',
      flags: [
        configFlag,
        {name: 'expect', kind: 'integer', valueName: 'SERVERS', help: 'How many brokers there should be'},
        {
          name: 'lag-critical',
          kind: 'integer',
          required: true,
          valueName: 'OPS',
          help: 'Critical threshold of operations behind the leader',
        },
        {
          name: 'seen-critical',
          kind: 'duration',
          required: true,
          valueName: 'DURATION',
          help: 'Critical threshold of the time since a broker was seen',
        },
      ],
      run: async () => (await import('./broker-server-check-run.ts')).runCheckMeta,
    },
    {
      name: 'server',
      help: 'Check a broker',
      flags: [
        configFlag,
        {name: 'name', kind: 'string', help: 'Name of the broker'},
        ...thresholds('cpu', 'processor use, in percent'),
        ...thresholds('mem', 'memory use, in bytes'),
        ...thresholds('conn', 'connections; a critical one below the warning turns it around'),
        ...thresholds('subs', 'subscriptions; a critical one below the warning turns it around'),
        ...thresholds('uptime', 'the time since the start', 'duration'),
        {name: 'auth-required', kind: 'boolean', help: 'Authentication has to be announced'},
        {name: 'tls-required', kind: 'boolean', help: 'TLS has to be required'},
        {name: 'js-required', kind: 'boolean', help: 'There have to be streams'},
      ],
      run: async () => (await import('./broker-server-check-run.ts')).runCheckServer,
    },
  ],
};

export const serverCommand: CommandSpec = {
  name: 'server',
  aliases: ['srv', 'sys', 'system'],
  help: 'Information about brokers; needs the credentials of the system account',
  commands: [
    check,
    {name: 'connections', ...connectionsReport},
    {
      name: 'info',
      aliases: ['i'],
      help: 'Show information about a single broker',
      flags: [configFlag, jsonFlag],
      arguments: [{name: 'server', help: 'Name or id of the broker; the first that answers without it'}],
      run: async () => (await import('./broker-server-run.ts')).runBrokerServerInfo,
    },
    kick,
    {
      name: 'list',
      aliases: ['ls'],
      help: 'List known brokers',
      flags: [
        configFlag,
        jsonFlag,
        {
          name: 'sort',
          kind: 'enum',
          default: 'rtt',
          values: ['name', 'cluster', 'conns', 'subs', 'routes', 'gws', 'mem', 'cpu', 'slow', 'uptime', 'rtt'],
          help: 'Sort by this property',
        },
        reverseFlag,
        {
          name: 'compact',
          kind: 'boolean',
          negatable: true,
          default: 'true',
          help: 'Leave the domain out of names when all have the same',
        },
      ],
      arguments: [expectArgument],
      run: async () => (await import('./broker-server-run.ts')).runBrokerServerList,
    },
    {
      name: 'ping',
      help: 'Ping all brokers',
      flags: [
        configFlag,
        {name: 'graph', kind: 'boolean', help: 'Show how the times of the answers are distributed'},
        {name: 'id', kind: 'boolean', help: 'Show the ids of brokers'},
      ],
      arguments: [expectArgument],
      run: async () => (await import('./broker-server-run.ts')).runBrokerServerPing,
    },
    report,
    request,
  ],
};
