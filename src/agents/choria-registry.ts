/** `choria_registry`: gives descriptions to clients that lack them. A service agent. Vectors: `agents/rpc.json`. */
import {errorMessage} from '../lib/errors.ts';
import {createDiskResolver, ddlToRuby} from '../ddl/index.ts';
import {ActionFailure, decodeInputs, requireOneOf} from '../rpc/index.ts';
import type {RpcAction} from '../rpc/index.ts';
import type {Agent, NodeContext} from '../rpc/types.ts';
import {builtinAgent, ok} from './builtin.ts';

export function createChoriaRegistryAgent(version: string): Agent {
  return builtinAgent({
    name: 'choria_registry',
    version,
    timeoutSeconds: 2,
    service: true,
    shouldActivate: async (node) => {
      const store = storeOf(node);
      return store !== '' && (await isDirectory(node, store));
    },
    actions: {names, ddl},
  });
}

function storeOf(node: NodeContext): string {
  return node.config.get('plugin.choria.services.registry.store');
}

async function isDirectory(node: NodeContext, path: string): Promise<boolean> {
  try {
    return (await node.platform.files.stat(path)).kind === 'directory';
  } catch (error) {
    node.logger.warn(`The registry store "${path}" cannot be used: ${errorMessage(error)}`);
    return false;
  }
}

const names: RpcAction = async (request, {node}) => {
  const inputs = decodeInputs(request, {type: 'registry.NamesRequest', fields: {plugin_type: 'string'}});
  requireOneOf('PluginType', inputs.plugin_type, ['agent']);
  const found = await createDiskResolver({files: node.platform.files, directories: [storeOf(node)]}).agentNames();
  return ok({names: [...found].sort(), plugin_type: inputs.plugin_type});
};

const ddl: RpcAction = async (request, {node}) => {
  const inputs = decodeInputs(request, {
    type: 'registry.DDLRequest',
    fields: {name: 'string', plugin_type: 'string', format: 'string'},
  });
  requireOneOf('PluginType', inputs.plugin_type, ['agent']);
  requireOneOf('Format', inputs.format, ['ddl', 'json']);
  const missing = (): ActionFailure =>
    new ActionFailure('Could not load DDL', {data: {name: '', plugin_type: '', version: '', ddl: ''}});
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(inputs.name)) throw missing();
  const resolver = createDiskResolver({files: node.platform.files, directories: [storeOf(node)]});
  const found = await resolver.agent(inputs.name).catch((error: unknown) => {
    node.logger.warn(`Could not load the DDL of ${inputs.name}: ${errorMessage(error)}`);
    return undefined;
  });
  if (!found) throw missing();
  return ok({
    name: inputs.name,
    plugin_type: inputs.plugin_type,
    version: found.metadata.version,
    ddl: inputs.format === 'ddl' ? ddlToRuby(found) : JSON.stringify(found.document),
  });
};
