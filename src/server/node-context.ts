/** What agents, filters and policies see of the node they run on. */
import type {Connection} from '../connect/index.ts';
import type {AgentRegistry, ConnectionFacts, NodeContext} from '../rpc/types.ts';
import type {ServerCounters} from './statistics.ts';
import type {ServerParts} from './types.ts';

export function createNodeContext(options: {
  readonly parts: ServerParts;
  readonly registry: () => AgentRegistry;
  readonly counters: ServerCounters;
  readonly connection: () => Connection | undefined;
}): NodeContext {
  const {parts, registry, counters, connection} = options;
  const node: NodeContext = {
    identity: parts.identity,
    collectives: parts.collectives,
    mainCollective: parts.mainCollective,
    config: parts.config,
    platform: parts.platform,
    logger: parts.logger,
    startedAtMs: parts.platform.clock.nowMs(),
    provisioning: parts.provisioning ?? false,
    upgradable: parts.upgradable ?? false,
    factsJson: parts.facts,
    classes: parts.classes,
    agents: () => registry().metadata(),
    dataPlugins: () => parts.data.names(),
    data: (plugin, query) => parts.data.run(plugin, query, node),
    statistics: () => counters.snapshot(),
    connectedServer: () => connection()?.connectedServer,
    connection: () => connectionFacts(parts, connection()),
    machines: () => [],
  };
  return node;
}

function connectionFacts(parts: ServerParts, connection: Connection | undefined): ConnectionFacts {
  const clientName = parts.provider.certname;
  if (connection === undefined) return {clientName};
  const {inMessages, outMessages, inBytes, outBytes, reconnects} = connection.stats;
  return {
    clientName,
    messagesIn: inMessages,
    messagesOut: outMessages,
    bytesIn: inBytes,
    bytesOut: outBytes,
    reconnects,
  };
}
