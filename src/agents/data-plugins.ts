/**
 * Data plugins: small questions about the node, for `rpcutil#get_data` and for functions in compound filters.
 */
import {build} from '../lib/version.ts';
import {ActionFailure} from '../rpc/index.ts';
import type {DataPlugin, NodeContext} from '../rpc/types.ts';
import {visibleSetting} from './settings.ts';

export interface DataPlugins {
  /** Sorted. */
  names(): readonly string[];
  get(name: string): DataPlugin | undefined;
  /** @throws {ActionFailure} when there is no such plugin, or it has no answer */
  run(name: string, query: string | undefined, node: NodeContext): Promise<unknown>;
  /** Puts the plugins that come from files in the place of those before; built-in names stay as they are. */
  replaceExternal(plugins: readonly DataPlugin[]): void;
}

/** The built-in plugins and those of an embedder. */
export function createDataPlugins(
  options: {readonly version: string; readonly plugins?: readonly DataPlugin[]} = {version: '0.0.0'},
): DataPlugins {
  const all = [
    choriaPlugin(options.version),
    configItemPlugin,
    machineStatePlugin,
    scoutPlugin,
    ...(options.plugins ?? []),
  ];
  const own = new Map(all.map((plugin) => [plugin.name, plugin]));
  let byName = own;
  let names: readonly string[] = [...own.keys()].sort();
  return {
    names: () => names,
    get: (name) => byName.get(name),
    replaceExternal: (external) => {
      byName = new Map([...external.map((plugin): [string, DataPlugin] => [plugin.name, plugin]), ...own]);
      names = [...byName.keys()].sort();
    },
    run: async (name, query, node) => {
      const plugin = byName.get(name);
      if (!plugin) throw new ActionFailure('Unknown data plugin');
      return plugin.run(query, node);
    },
  };
}

function choriaPlugin(version: string): DataPlugin {
  return {
    name: 'choria',
    takesQuery: false,
    timeoutSeconds: 1,
    run: async (_query, node) => {
      const classes = await node.classes();
      const agents = node.agents().map((agent) => agent.name);
      const machines = node.machines();
      const {events, filtered, passed, replies, total, ttlExpired, unvalidated, validated} = node.statistics();
      return {
        agents,
        agents_count: agents.length,
        built: build.date,
        classes,
        classes_count: classes.length,
        commit: build.commit,
        configfile: node.config.path ?? '',
        connected_broker: node.connectedServer() ?? '',
        cpus: node.platform.host.cpuCount,
        events,
        filtered,
        go_version: `node ${process.versions.node}`,
        goroutines: 0,
        license: 'Apache-2.0',
        machines,
        machines_count: machines.length,
        passed,
        pid: node.platform.host.pid,
        provisioning: node.provisioning,
        replies,
        total,
        ttlexpired: ttlExpired,
        unvalidated,
        uptime: Math.max(0, Math.floor((node.platform.clock.nowMs() - node.startedAtMs) / 1000)),
        validated,
        version,
      };
    },
  };
}

const configItemPlugin: DataPlugin = {
  name: 'config_item',
  takesQuery: true,
  timeoutSeconds: 1,
  run: async (query, node) => {
    const setting = query === undefined ? undefined : visibleSetting(node.config, query);
    return setting === undefined ? {present: false, value: null} : {present: true, value: setting.value};
  },
};

const machineStatePlugin: DataPlugin = {
  name: 'machine_state',
  takesQuery: true,
  timeoutSeconds: 1,
  run: async (query, node) => {
    const found = node.machines().find((machine) => isMachine(machine, query ?? ''));
    if (found === undefined) throw new ActionFailure('Could not find a matching machine');
    return found;
  },
};

function isMachine(machine: unknown, query: string): boolean {
  if (typeof machine !== 'object' || machine === null || query === '') return false;
  const {name, path, id} = machine as Readonly<Record<string, unknown>>;
  return name === query || path === query || id === query;
}

const scoutPlugin: DataPlugin = {
  name: 'scout',
  takesQuery: true,
  timeoutSeconds: 1,
  run: async (query, node) => {
    const found = node.machines().find((machine) => isMachine(machine, query ?? ''));
    const state = (found as Readonly<Record<string, unknown>> | undefined)?.['current_state'];
    return state ?? {};
  },
};
