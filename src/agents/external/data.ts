/**
 * Data plugins in any language: a description beside a program in `DIR/mcollective/data`, asked as external agents are, through files.
 *
 * The program gets `{"$schema", "protocol", "plugin", "query"}` and writes a reply as an agent does: `{"statuscode", "statusmsg", "data"}`,
 * where `data` holds the outputs. A status other than 0 means that there is no answer.
 */
import {errorMessage} from '../../lib/errors.ts';
import {checkInputValue, parseDataDdl} from '../../ddl/index.ts';
import type {DataDdl} from '../../ddl/types.ts';
import type {DirectoryEntry} from '../../lib/platform.ts';
import {ActionFailure} from '../../rpc/index.ts';
import type {DataPlugin, NodeContext} from '../../rpc/types.ts';
import {AgentsError} from '../errors.ts';
import {dataConcurrentMax, dataPluginsMax, dataTimeoutMaxSeconds, dataWaitingMax, ddlFileBytesMax} from '../limits.ts';
import {createTurns} from '../turns.ts';
import {configPath} from './agent.ts';
import {parseExternalReply} from './reply.ts';
import {dataProtocol, runExternal} from './run.ts';

interface FoundData {
  readonly ddl: DataDdl;
  readonly executable: string;
  readonly print: string;
}

/** Remembers what is on disk, so that a plugin whose files did not change keeps its queue. */
export interface ExternalDataSource {
  find(onProblem: (path: string, problem: string) => void): Promise<readonly DataPlugin[]>;
}

export function createExternalDataSource(node: NodeContext): ExternalDataSource {
  const known = new Map<string, {readonly print: string; readonly plugin: DataPlugin}>();
  return {
    find: async (onProblem) => {
      const found = await findAll(node, onProblem);
      for (const name of known.keys()) if (!found.has(name)) known.delete(name);
      for (const [name, data] of found) {
        if (known.get(name)?.print !== data.print) known.set(name, {print: data.print, plugin: toPlugin(data)});
      }
      return [...known.values()].map(({plugin}) => plugin);
    },
  };
}

async function findAll(
  node: NodeContext,
  onProblem: (path: string, problem: string) => void,
): Promise<ReadonlyMap<string, FoundData>> {
  const found = new Map<string, FoundData>();
  for (const directory of node.config.get('plugin.choria.agent_provider.mcorpc.libdir')) {
    const folder = `${directory.replace(/\/+$/, '')}/mcollective/data`;
    for (const entry of await list(folder, {node, onProblem})) {
      if (!entry.name.endsWith('.json')) continue;
      if (found.size >= dataPluginsMax) {
        onProblem(folder, `more than ${dataPluginsMax} data plugins were found, the rest is left out`);
        return found;
      }
      try {
        const data = await readOne(`${folder}/${entry.name}`, node);
        if (data !== undefined && !found.has(data.ddl.metadata.name)) found.set(data.ddl.metadata.name, data);
      } catch (error) {
        onProblem(`${folder}/${entry.name}`, errorMessage(error));
      }
    }
  }
  return found;
}

async function list(
  folder: string,
  context: {readonly node: NodeContext; readonly onProblem: (path: string, problem: string) => void},
): Promise<readonly DirectoryEntry[]> {
  try {
    const entries = await context.node.platform.files.list(folder);
    return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') context.onProblem(folder, errorMessage(error));
    return [];
  }
}

/** @returns undefined when the description is of a plugin of another kind */
async function readOne(path: string, node: NodeContext): Promise<FoundData | undefined> {
  const {files} = node.platform;
  const info = await files.stat(path);
  const ddl = parseDataDdl(await files.read(path, {limitBytes: ddlFileBytesMax}), `"${path}"`);
  const {name, provider, version} = ddl.metadata;
  if (provider !== 'external') return undefined;
  // The name becomes a function of expressions, a file name and an argument.
  if (!/^[a-z][a-z0-9_]{0,127}$/.test(name)) {
    throw new AgentsError('ERR_AGENT_EXECUTABLE', `data plugin name ${JSON.stringify(name)} cannot be used`);
  }
  const folder = path.slice(0, path.lastIndexOf('/'));
  for (const executable of [`${folder}/${name}`, `${folder}/${name}_data`]) {
    const kind = await files.stat(executable).then(
      (found) => found.kind,
      (error: unknown) => {
        if ((error as {code?: unknown}).code === 'ENOENT') return undefined;
        throw error;
      },
    );
    if (kind === 'file')
      return {ddl, executable, print: `${version} ${executable} ${info.modifiedAtMs} ${info.sizeBytes}`};
  }
  throw new AgentsError('ERR_AGENT_EXECUTABLE', `there is no program "${name}" beside the description`);
}

function toPlugin({ddl, executable}: FoundData): DataPlugin {
  const {name, timeoutSeconds} = ddl.metadata;
  const {query: item} = ddl;
  const seconds = Math.min(Math.max(timeoutSeconds, 1), dataTimeoutMaxSeconds);
  const turns = createTurns({name, runningMax: dataConcurrentMax, waitingMax: dataWaitingMax});
  const ask = async (query: string | undefined, node: NodeContext, signal: AbortSignal): Promise<unknown> => {
    const bytes = await runExternal({
      agent: name,
      executable,
      protocol: dataProtocol,
      request: {
        $schema: 'https://choria.io/schemas/mcorpc/external/v1/data_request.json',
        protocol: dataProtocol,
        plugin: name,
        query: query ?? null,
      },
      facts: await node.factsJson(),
      configPath: configPath(node, name),
      timeoutMs: seconds * 1000,
      signal,
      platform: node.platform,
      logger: node.logger,
    });
    if (bytes === undefined) throw new ActionFailure(`data plugin ${name} did not answer in ${seconds} s`);
    return answerOf(ddl, bytes);
  };
  return {
    name,
    takesQuery: item !== undefined,
    timeoutSeconds: seconds,
    run: async (query, node) => {
      checkQuery(ddl, query);
      const stop = new AbortController();
      // Waiting for a turn counts, too: whoever asks waits no longer than the plugin's time.
      const timer = node.platform.clock.setTimer(
        () => stop.abort(new ActionFailure(`data plugin ${name} did not answer in ${seconds} s`)),
        seconds * 1000,
      );
      try {
        return await turns.run(() => ask(query, node, stop.signal), stop.signal);
      } finally {
        timer.cancel();
      }
    },
  };
}

/** Unlike built-in plugins: what reaches a program was checked. */
function checkQuery(ddl: DataDdl, query: string | undefined): void {
  const {name} = ddl.metadata;
  if (ddl.query === undefined) {
    if (query === undefined) return;
    throw new ActionFailure(`data plugin ${name} takes no query`);
  }
  if (query === undefined) {
    if (ddl.query.optional) return;
    throw new ActionFailure(`data plugin ${name} needs a query`);
  }
  const verdict = checkInputValue(ddl.query, query);
  if (verdict.error !== undefined) throw new ActionFailure(`data plugin ${name} refuses the query: ${verdict.error}`);
}

function answerOf(ddl: DataDdl, bytes: Buffer): unknown {
  const {statusCode, statusMessage, data} = parseExternalReply(bytes);
  const {name} = ddl.metadata;
  if (statusCode !== 0) throw new ActionFailure(`data plugin ${name} failed: ${statusMessage}`);
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new ActionFailure(`data plugin ${name} answered no hash`);
  }
  const missing = [...ddl.outputs].filter(([key, item]) => item.default !== undefined && !Object.hasOwn(data, key));
  return {...data, ...Object.fromEntries(missing.map(([key, item]) => [key, item.default]))};
}
