/**
 * Finds external agents on disk: `DIR/mcollective/agent/NAME.json` or `DIR/mcollective/agent/NAME/NAME.json`, with their program beside.
 */
import {errorMessage} from '../../lib/errors.ts';
import {parseAgentDdl} from '../../ddl/index.ts';
import type {AgentDdl} from '../../ddl/types.ts';
import type {DirectoryEntry, Files, HostInfo} from '../../lib/platform.ts';
import {agentFilesMax, ddlFileBytesMax} from '../limits.ts';

export interface FoundAgent {
  readonly ddl: AgentDdl;
  readonly ddlPath: string;
  readonly executable: string;
  readonly modifiedAtMs: number;
}

const reserved: readonly string[] = [
  'rpcutil',
  'choria_util',
  'choria_provision',
  'choria_registry',
  'discovery',
  'scout',
];

export interface ScanOptions {
  readonly files: Files;
  readonly host: Pick<HostInfo, 'platform' | 'arch'>;
  readonly directories: readonly string[];
  readonly onProblem: (path: string, problem: string) => void;
}

/** Agents by name; of two with one name the first found counts. */
export async function scanExternalAgents(options: ScanOptions): Promise<ReadonlyMap<string, FoundAgent>> {
  const found = new Map<string, FoundAgent>();
  for (const directory of options.directories) {
    for (const path of await candidates(`${directory.replace(/\/+$/, '')}/mcollective/agent`, options)) {
      if (found.size >= agentFilesMax) {
        options.onProblem(path, `more than ${agentFilesMax} agents were found, the rest is left out`);
        return found;
      }
      const agent = await readCandidate(path, options);
      if (agent && !found.has(agent.ddl.metadata.name)) found.set(agent.ddl.metadata.name, agent);
    }
  }
  return found;
}

async function candidates(directory: string, options: ScanOptions): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const entry of await list(directory, options)) {
    if (entry.kind !== 'directory') {
      if (entry.name.endsWith('.json')) paths.push(`${directory}/${entry.name}`);
      continue;
    }
    if (entry.name === 'tmp') continue;
    const inner = await list(`${directory}/${entry.name}`, options);
    if (inner.some((item) => item.name === `${entry.name}.json`))
      paths.push(`${directory}/${entry.name}/${entry.name}.json`);
  }
  return paths;
}

async function list(directory: string, options: ScanOptions): Promise<readonly DirectoryEntry[]> {
  try {
    const entries = await options.files.list(directory);
    return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') options.onProblem(directory, errorMessage(error));
    return [];
  }
}

async function readCandidate(path: string, options: ScanOptions): Promise<FoundAgent | undefined> {
  const {files, onProblem} = options;
  const fileName = path.slice(path.lastIndexOf('/') + 1, -'.json'.length);
  if (reserved.includes(fileName)) return undefined;
  try {
    const info = await files.stat(path);
    const ddl = parseAgentDdl(await files.read(path, {limitBytes: ddlFileBytesMax}), `"${path}"`);
    if (ddl.metadata.provider !== 'external') return undefined;
    const {name} = ddl.metadata;
    // The name becomes a file name, an argument and a part of subjects.
    if (!/^[A-Za-z0-9_]{1,128}$/.test(name) || reserved.includes(name)) {
      onProblem(path, `agent name ${JSON.stringify(name)} cannot be used`);
      return undefined;
    }
    const executable = await findExecutable(path.slice(0, path.lastIndexOf('/')), name, options);
    if (executable === undefined) {
      onProblem(path, `there is no program "${name}" beside the DDL`);
      return undefined;
    }
    return {ddl, ddlPath: path, executable, modifiedAtMs: info.modifiedAtMs};
  } catch (error) {
    onProblem(path, errorMessage(error));
    return undefined;
  }
}

async function findExecutable(directory: string, name: string, options: ScanOptions): Promise<string | undefined> {
  const {files, host} = options;
  const architectures: Readonly<Record<string, string>> = {x64: 'amd64', ia32: '386', arm64: 'arm64'};
  const system = host.platform === 'win32' ? 'windows' : host.platform;
  const paths = [
    `${directory}/${name}`,
    `${directory}/${name}/${name}-${system}_${architectures[host.arch] ?? host.arch}`,
  ];
  for (const path of paths) {
    const kind = await kindOf(files, path);
    if (kind === 'file') return path;
  }
  return undefined;
}

async function kindOf(files: Files, path: string): Promise<string | undefined> {
  try {
    return (await files.stat(path)).kind;
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
