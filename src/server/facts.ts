/**
 * The facts of a node: a list of JSON and YAML files, merged key by key at the top, later files winning.
 *
 * Files are read at every use, so that a change is seen by the next request; what was read is only parsed again when its bytes have
 * changed. A FIFO, a device or a huge file is refused by `Files` and by a limit: a fact file never blocks a node.
 */
import {parseYamlFacts, type YamlData} from '../lang/index.ts';
import {compareCodePoints} from '../lang/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {jsonSyntaxError} from '../lib/json-syntax.ts';
import {parseJson} from '../lib/json.ts';
import type {Logger} from '../lib/logger.ts';
import type {Files} from '../lib/platform.ts';

/** Bytes of one fact file; real ones have tens of thousands. */
export const factFileBytesMax = 8 * 1_024 * 1_024;

/** Nesting of facts. */
export const factDepthMax = 100;

export interface FactProblem {
  readonly level: 'warn' | 'error';
  readonly message: string;
}

export interface LoadedFacts {
  /** A JSON object with sorted keys; `{}` when nothing was found. */
  readonly json: Buffer;
  readonly problems: readonly FactProblem[];
  /** Set when no fact was found at all. */
  readonly error?: string;
}

export interface FactSource {
  /** Reads all files, says nothing in the log. */
  load(): Promise<LoadedFacts>;
  /** Reads all files; a problem is logged when it is new, not at every request. */
  json(): Promise<Buffer>;
}

export interface FactSourceOptions {
  readonly files: Files;
  /** In the order of `plugin.yaml`. */
  readonly paths: readonly string[];
  readonly logger: Logger;
}

type Facts = ReadonlyMap<string, unknown>;

interface ReadFile {
  readonly bytes: Buffer;
  readonly facts: Facts;
  readonly problem?: FactProblem;
}

/** The paths of `plugin.yaml`: divided by `:`, on Windows by `;`. */
export function factPaths(setting: string, platform: NodeJS.Platform): readonly string[] {
  return setting.split(platform === 'win32' ? ';' : ':').filter((path) => path !== '');
}

export function createFactSource({files, paths, logger}: FactSourceOptions): FactSource {
  const known = new Map<string, ReadFile>();
  let merged: {readonly parts: readonly ReadFile[]; readonly json: Buffer; readonly count: number} | undefined;
  let logged = '';

  const load = async (): Promise<LoadedFacts> => {
    const problems: FactProblem[] = [];
    const parts: ReadFile[] = [];
    for (const path of paths) {
      const part = await readFactFile(path, {files, previous: known.get(path)});
      if ('level' in part) {
        known.delete(path);
        problems.push(part);
        continue;
      }
      known.set(path, part);
      if (part.problem !== undefined) problems.push(part.problem);
      parts.push(part);
    }
    const last = merged;
    const unchanged = last?.parts.length === parts.length && parts.every((part, index) => part === last.parts[index]);
    const current = last !== undefined && unchanged ? last : {parts, ...mergeFacts(parts)};
    merged = current;
    const error = current.count === 0 ? `no facts were found in ${paths.join(':')}` : undefined;
    return {json: current.json, problems, ...(error !== undefined && {error})};
  };

  return {
    load,
    async json() {
      const {json, problems, error} = await load();
      const all = error === undefined ? problems : [...problems, {level: 'warn' as const, message: error}];
      const text = JSON.stringify(all);
      if (text !== logged) {
        for (const {level, message} of all) logger[level](message);
        logged = text;
      }
      return json;
    },
  };
}

async function readFactFile(
  path: string,
  {files, previous}: {readonly files: Files; readonly previous: ReadFile | undefined},
): Promise<ReadFile | FactProblem> {
  let bytes: Buffer;
  try {
    bytes = await files.read(path, {limitBytes: factFileBytesMax});
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing) return {level: 'warn', message: `Fact file ${path} does not exist`};
    return {level: 'error', message: `Could not read facts file ${path}: ${errorMessage(error)}`};
  }
  if (previous?.bytes.equals(bytes) === true) return previous;
  const parsed = path.endsWith('yaml') ? parseYaml(path, bytes) : parseJsonFacts(bytes);
  return typeof parsed === 'string'
    ? {bytes, facts: new Map(), problem: {level: 'error', message: parsed}}
    : {bytes, facts: parsed};
}

function parseYaml(path: string, bytes: Buffer): Facts | string {
  try {
    const data = parseYamlFacts(bytes.toString('utf8'));
    if (data === undefined || data === null) return new Map();
    if (data instanceof Map) return data as ReadonlyMap<string, YamlData>;
    return `Could not parse facts file ${path} as YAML: it holds no map of facts`;
  } catch (error) {
    return `Could not parse facts file ${path} as YAML: ${errorMessage(error)}`;
  }
}

function parseJsonFacts(bytes: Buffer): Facts | string {
  const problem = jsonSyntaxError(bytes);
  if (problem !== undefined) return `Could not parse facts file: ${problem}`;
  try {
    const data = parseJson(bytes, {depthMax: factDepthMax});
    if (data === null) return new Map();
    if (typeof data === 'object' && !Array.isArray(data)) return new Map(Object.entries(data));
    return 'Could not parse facts file: it holds no object of facts';
  } catch (error) {
    return `Could not parse facts file: ${errorMessage(error)}`;
  }
}

function mergeFacts(parts: readonly ReadFile[]): {readonly json: Buffer; readonly count: number} {
  const facts = new Map<string, unknown>();
  for (const part of parts) {
    for (const [key, value] of part.facts) facts.set(key, value);
  }
  return {json: Buffer.from(sortedJson(facts)), count: facts.size};
}

/** JSON with sorted keys, so that a wildcard in a path finds the same member on every node. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item: unknown) => sortedJson(item)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries: readonly (readonly [string, unknown])[] =
    value instanceof Map ? [...(value as ReadonlyMap<string, unknown>)] : Object.entries(value);
  const members = entries
    .toSorted(([a], [b]) => compareCodePoints(a, b))
    .map(([key, item]) => `${JSON.stringify(key)}:${sortedJson(item)}`);
  return `{${members.join(',')}}`;
}
