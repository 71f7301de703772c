/** `rpcutil`: what every node tells about itself. Vectors: `agents/rpc.json`. */
import {gjsonGet} from '../lang/index.ts';
import {parseJson} from '../lib/json.ts';
import {errorMessage} from '../lib/errors.ts';
import type {AgentMetadata} from '../ddl/types.ts';
import {ActionFailure, decodeInputs} from '../rpc/index.ts';
import type {RpcAction} from '../rpc/index.ts';
import type {Agent} from '../rpc/types.ts';
import {builtinAgent, ok} from './builtin.ts';
import {visibleSetting} from './settings.ts';

export function createRpcutilAgent(version: string): Agent {
  return builtinAgent({
    name: 'rpcutil',
    version,
    timeoutSeconds: 2,
    actions: {
      ping: async (_request, {node}) => ok({pong: Math.floor(node.platform.clock.nowMs() / 1000)}),
      inventory: inventory(version),
      agent_inventory: async (_request, {node}) =>
        ok({agents: node.agents().map((agent) => ({agent: agent.name, ...agentEntry(agent)}))}),
      collective_info: async (_request, {node}) =>
        ok({main_collective: node.mainCollective, collectives: node.collectives}),
      daemon_stats: daemonStats(version),
      get_fact: getFact,
      get_facts: getFacts,
      get_config_item: getConfigItem,
      get_data: getData,
    },
  });
}

/** Metadata under the keys that callers know; `provider` and `service` only where they say something. */
export function agentEntry(metadata: AgentMetadata): Readonly<Record<string, unknown>> {
  const {name, license, author, timeoutSeconds, version, url, description, provider, service} = metadata;
  return {
    license,
    author,
    timeout: timeoutSeconds,
    name,
    version,
    url,
    description,
    ...(provider === '' ? {} : {provider}),
    ...(service ? {service} : {}),
  };
}

function inventory(version: string): RpcAction {
  return async (_request, {node}) => {
    const facts = parseJson(await node.factsJson());
    return ok({
      agents: node.agents().map((agent) => agent.name),
      classes: await node.classes(),
      collectives: node.collectives,
      data_plugins: node.dataPlugins(),
      facts,
      machines: node.machines(),
      main_collective: node.mainCollective,
      version,
      upgradable: node.upgradable ?? false,
    });
  };
}

function daemonStats(version: string): RpcAction {
  return async (_request, {node}) => {
    const {validated, unvalidated, passed, filtered, total, replies, ttlExpired, events} = node.statistics();
    return ok({
      agents: node.agents().map((agent) => agent.name),
      configfile: node.config.path ?? '',
      filtered,
      pid: node.platform.host.pid,
      passed,
      threads: [`Node ${process.versions.node} on ${node.platform.host.cpuCount} cores`],
      replies,
      starttime: Math.floor(node.startedAtMs / 1000),
      times: {cstime: 0, cutime: 0, stime: 0, utime: 0},
      total,
      ttlexpired: ttlExpired,
      unvalidated,
      validated,
      version,
      events,
    });
  };
}

/** What a path finds, null when nothing. */
function factValue(facts: string, path: string): unknown {
  if (path === '') return null;
  const found = gjsonGet(facts, path);
  if (!found.exists) return null;
  if (found.type === 'String') return found.text;
  return parseJson(found.raw);
}

const getFact: RpcAction = async (request, {node}) => {
  const {fact} = decodeInputs(request, {type: 'rpcutil.input', fields: {fact: 'string'}});
  return ok({fact, value: lookUp(await node.factsJson(), fact)});
};

const getFacts: RpcAction = async (request, {node}) => {
  const {facts} = decodeInputs(request, {type: 'rpcutil.input', fields: {facts: 'string'}});
  const document = await node.factsJson();
  const names = facts.split(',').map((name) => name.trim());
  return ok({values: Object.fromEntries(names.map((name) => [name, lookUp(document, name)]))});
};

function lookUp(facts: Buffer, path: string): unknown {
  try {
    return factValue(facts.toString('utf8'), path);
  } catch (error) {
    throw new ActionFailure(`Could not look up the fact: ${errorMessage(error)}`, {cause: error});
  }
}

const getConfigItem: RpcAction = async (request, {node}) => {
  const {item} = decodeInputs(request, {type: 'rpcutil.input', fields: {item: 'string'}});
  const setting = visibleSetting(node.config, item);
  if (!setting) throw new ActionFailure('Unknown key');
  return ok({item, value: setting.value});
};

const getData: RpcAction = async (request, {node}) => {
  const {source, query} = decodeInputs(request, {type: 'rpcutil.input', fields: {source: 'string', query: 'string'}});
  if (!node.dataPlugins().includes(source)) throw new ActionFailure('Unknown data plugin');
  try {
    return ok(await node.data(source, query === '' ? undefined : query));
  } catch (error) {
    // Callers of other servers get success without data here, so a failing plugin is only told to the log.
    node.logger.warn(`Data plugin ${source} failed: ${errorMessage(error)}`, {
      agent: 'rpcutil',
      request: request.requestId,
    });
    return ok(null);
  }
};
