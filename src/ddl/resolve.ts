/**
 * Where descriptions come from: built in, then every library directory on disk (agents.md 6).
 *
 * The disk is searched whole and the last file of a name wins, so that a later `libdir` overrides an earlier one. A file that cannot
 * be read is skipped and told to `onProblem`: one bad plugin must not hide the others.
 */
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {builtinAgentDdl, builtinAgentNames, builtinDataDdl, builtinDataNames} from './builtin/index.ts';
import {DdlError} from './errors.ts';
import {ddlBytesMax, searchDepthMax, searchFilesMax} from './limits.ts';
import {agentDdlFromDocument, parseAgentDdl, parseDataDdl} from './parse.ts';
import {rubyDdlToJson} from './ruby/to-json.ts';
import type {AgentDdl, DataDdl, DdlResolver} from './types.ts';

export type DdlKind = 'agent' | 'data';

/** What this program brings along. @param version of the program */
export function createBuiltinResolver(version: string): DdlResolver {
  return {
    agent: async (name) => builtinAgentDdl(name, version),
    data: async (name) => builtinDataDdl(name, version),
    agentNames: async () => builtinAgentNames,
    dataNames: async () => builtinDataNames,
  };
}

export interface DiskResolverOptions {
  readonly files: Files;
  /** `libdir`, then `plugin.choria.agent_provider.mcorpc.libdir`. */
  readonly directories: readonly string[];
  readonly onProblem?: (message: string) => void;
}

/** Descriptions under `DIR/choria/KIND` and `DIR/mcollective/KIND`, at any depth. */
export function createDiskResolver(options: DiskResolverOptions): DdlResolver {
  const names = async (kind: DdlKind): Promise<readonly string[]> =>
    (await findDdlFiles(options, kind)).map((path) => baseName(path));
  const read = async (
    kind: DdlKind,
    name: string,
  ): Promise<{readonly path: string; readonly bytes: Buffer} | undefined> => {
    const matches = (await findDdlFiles(options, kind)).filter((path) => baseName(path) === name);
    const path = matches.at(-1);
    return path === undefined ? undefined : {path, bytes: await options.files.read(path, {limitBytes: ddlBytesMax})};
  };
  /** Ruby agents that nobody packaged have no JSON beside their description. */
  const readRuby = async (name: string): Promise<AgentDdl | undefined> => {
    const path = (await findDdlFiles(options, 'agent', 'ddl')).filter((item) => baseName(item) === name).at(-1);
    if (path === undefined) return undefined;
    const text = (await options.files.read(path, {limitBytes: ddlBytesMax})).toString('utf8');
    return checkName(agentDdlFromDocument(rubyDdlToJson(text), `"${path}"`), {name, kind: 'agent'});
  };
  return {
    agent: async (name) => {
      const found = await read('agent', name);
      if (found === undefined) return readRuby(name);
      return checkName(parseAgentDdl(found.bytes, `"${found.path}"`), {name, kind: 'agent'});
    },
    data: async (name) => {
      const found = await read('data', name);
      return found && checkName(parseDataDdl(found.bytes, `"${found.path}"`), {name, kind: 'data'});
    },
    agentNames: () => names('agent'),
    dataNames: () => names('data'),
  };
}

/**
 * Every file of a kind, in the order in which they count.
 *
 * Links are not followed into directories: a link in a circle would never end.
 *
 * @param ending `json`, or `ddl` for descriptions written in Ruby
 */
export async function findDdlFiles(
  options: DiskResolverOptions,
  kind: DdlKind,
  ending: 'json' | 'ddl' = 'json',
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const directory of options.directories) {
    for (const part of ['choria', 'mcollective']) {
      await walk(`${directory.replace(/\/+$/, '')}/${part}/${kind}`, {depth: 0, found, options, ending: `.${ending}`});
    }
  }
  return found;
}

async function walk(
  directory: string,
  state: {
    readonly depth: number;
    readonly found: string[];
    readonly options: DiskResolverOptions;
    readonly ending: string;
  },
): Promise<void> {
  const {depth, found, options, ending} = state;
  const entries = await listDirectory(directory, options);
  for (const entry of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (found.length >= searchFilesMax) {
      options.onProblem?.(`Stopped looking for DDL files in ${directory}: ${searchFilesMax} files were found`);
      return;
    }
    const path = `${directory}/${entry.name}`;
    if (entry.kind === 'directory' && depth < searchDepthMax) await walk(path, {...state, depth: depth + 1});
    else if (entry.kind !== 'directory' && entry.name.endsWith(ending)) found.push(path);
  }
}

async function listDirectory(
  directory: string,
  options: DiskResolverOptions,
): Promise<readonly {readonly name: string; readonly kind: string}[]> {
  try {
    return await options.files.list(directory);
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      options.onProblem?.(`Cannot look for DDL files in ${directory}: ${errorMessage(error)}`);
    }
    return [];
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1, path.lastIndexOf('.'));
}

function checkName<T extends AgentDdl | DataDdl>(ddl: T, wanted: {readonly name: string; readonly kind: string}): T {
  if (ddl.metadata.name === wanted.name) return ddl;
  throw new DdlError('ERR_DDL_MISMATCH', `the DDL does not describe the ${wanted.name} ${wanted.kind}`, {
    details: {name: ddl.metadata.name},
  });
}

/**
 * Asks each resolver in turn; the first that has the name answers.
 *
 * A resolver that fails is skipped unless none of the others has the name: then its failure is the answer.
 */
export function createResolverChain(resolvers: readonly DdlResolver[]): DdlResolver {
  const first = async <T>(ask: (resolver: DdlResolver) => Promise<T | undefined>): Promise<T | undefined> => {
    let failure: unknown;
    for (const resolver of resolvers) {
      try {
        const found = await ask(resolver);
        if (found !== undefined) return found;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  };
  const all = async (ask: (resolver: DdlResolver) => Promise<readonly string[]>): Promise<readonly string[]> =>
    [...new Set((await Promise.all(resolvers.map(ask))).flat())].sort();
  return {
    agent: (name) => first((resolver) => resolver.agent(name)),
    data: (name) => first((resolver) => resolver.data(name)),
    agentNames: () => all((resolver) => resolver.agentNames()),
    dataNames: () => all((resolver) => resolver.dataNames()),
  };
}

/** @throws {DdlError} `ERR_DDL_NOT_FOUND` when nobody has it */
export async function requireAgentDdl(resolver: DdlResolver, name: string): Promise<AgentDdl> {
  const found = await resolver.agent(name);
  if (found) return found;
  throw new DdlError('ERR_DDL_NOT_FOUND', `could not resolve ${name} DDL in any resolver`, {details: {name}});
}

export interface DdlResolverOptions extends DiskResolverOptions {
  /** `plugin.choria.services.registry.cache`: descriptions that a registry gave earlier, as `DIR/KIND/NAME.json`. */
  readonly cacheDirectory?: string;
  /** Version of the program, shown for what it brings along. */
  readonly version?: string;
}

/** Built in, then on disk, then from the cache of a registry. */
export function createDdlResolver(options: DdlResolverOptions): DdlResolver {
  const {cacheDirectory, version} = options;
  const resolvers = [createBuiltinResolver(version ?? '0.0.0'), createDiskResolver(options)];
  if (cacheDirectory) resolvers.push(createCacheResolver({...options, cacheDirectory}));
  return createResolverChain(resolvers);
}

function createCacheResolver(options: DdlResolverOptions & {readonly cacheDirectory: string}): DdlResolver {
  const read = async (kind: DdlKind, name: string): Promise<Buffer | undefined> => {
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(name)) return undefined;
    try {
      return await options.files.read(`${options.cacheDirectory}/${kind}/${name}.json`, {limitBytes: ddlBytesMax});
    } catch (error) {
      if ((error as {code?: unknown}).code !== 'ENOENT') {
        options.onProblem?.(`Cannot read the cached DDL of ${name}: ${errorMessage(error)}`);
      }
      return undefined;
    }
  };
  const names = async (kind: DdlKind): Promise<readonly string[]> =>
    (await listDirectory(`${options.cacheDirectory}/${kind}`, options))
      .filter((entry) => entry.name.endsWith('.json'))
      .map((entry) => entry.name.slice(0, -'.json'.length));
  return {
    agent: async (name) => {
      const bytes = await read('agent', name);
      return bytes && checkName(parseAgentDdl(bytes, `the cached DDL of ${name}`), {name, kind: 'agent'});
    },
    data: async (name) => {
      const bytes = await read('data', name);
      return bytes && checkName(parseDataDdl(bytes, `the cached DDL of ${name}`), {name, kind: 'data'});
    },
    agentNames: () => names('agent'),
    dataNames: () => names('data'),
  };
}
