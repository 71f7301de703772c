/**
 * Inventory files: what they may hold, and every problem of one that does not. The rules are those of the published JSON schema,
 * checked here by hand so that a problem can name its place.
 */
import type {Files} from '../lib/platform.ts';
import {DiscoveryError} from './errors.ts';
import {discoveryLimits} from './limits.ts';
import {extension} from './paths.ts';
import {isRecord, parseDocument, readSource} from './source.ts';

export const inventorySchema = 'https://choria.io/schemas/choria/discovery/v1/inventory_file.json';

export interface InventoryNode {
  readonly name: string;
  readonly collectives: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly classes: readonly string[];
  readonly agents: readonly string[];
}

export interface InventoryGroup {
  readonly name: string;
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  readonly facts: readonly string[];
  readonly identities: readonly string[];
  readonly compound: string;
}

export interface Inventory {
  readonly groups: readonly InventoryGroup[];
  readonly nodes: readonly InventoryNode[];
}

/** The file as plain data: YAML by its extension, everything else JSON. Nothing of it is checked. */
export async function readInventoryDocument(files: Files, path: string): Promise<unknown> {
  const name = extension(path);
  const format = name === 'yaml' || name === 'yml' ? 'yaml' : 'json';
  return parseDocument(await readSource(files, path), {format, source: JSON.stringify(path)});
}

/**
 * Reads one inventory file.
 *
 * @param options.validate  false: members of a wrong type are taken as empty, only `$schema` must be right
 * @throws {DiscoveryError} `ERR_DISCOVERY_SOURCE` | `ERR_DISCOVERY_READ` | `ERR_DISCOVERY_INVENTORY`
 */
export async function readInventory(
  files: Files,
  options: {readonly path: string; readonly validate: boolean},
): Promise<Inventory> {
  const {path, validate} = options;
  const document = await readInventoryDocument(files, path);
  if (validate) {
    const problems = inventoryProblems(document);
    if (problems.length > 0) {
      throw new DiscoveryError(
        'ERR_DISCOVERY_INVENTORY',
        `invalid inventory file, validate using 'choria tool inventory': ${problems.slice(0, 3).join('; ')}`,
        {details: {path, problems}},
      );
    }
  }
  const schema: unknown = isRecord(document) ? document['$schema'] : undefined;
  if (schema !== inventorySchema) {
    const found = typeof schema === 'string' ? schema : '';
    throw new DiscoveryError('ERR_DISCOVERY_INVENTORY', `invalid schema "${found}" expected "${inventorySchema}"`, {
      details: {path},
    });
  }
  return toInventory(document);
}

function toInventory(document: unknown): Inventory {
  const {groups, nodes} = document as Readonly<Record<string, unknown>>;
  return {groups: records(groups).map(toGroup), nodes: records(nodes).map(toNode)};
}

function toGroup(group: Readonly<Record<string, unknown>>): InventoryGroup {
  const filter = isRecord(group['filter']) ? group['filter'] : {};
  return {
    name: text(group['name']),
    agents: texts(filter['agents']),
    classes: texts(filter['classes']),
    facts: texts(filter['facts']),
    identities: texts(filter['identities']),
    compound: text(filter['compound']),
  };
}

function toNode(node: Readonly<Record<string, unknown>>): InventoryNode {
  return {
    name: text(node['name']),
    collectives: texts(node['collectives']),
    facts: isRecord(node['facts']) ? node['facts'] : {},
    classes: texts(node['classes']),
    agents: texts(node['agents']),
  };
}

function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** Every way in which a document is no inventory, with its place as a JSON pointer; empty when it is one. */
export function inventoryProblems(document: unknown): readonly string[] {
  const problems: string[] = [];
  if (!isRecord(document)) return ['expected an object'];
  checkMembers(document, {at: '', problems, required: ['$schema', 'nodes'], allowed: undefined});
  if (document['nodes'] !== undefined) checkList(document['nodes'], {at: '/nodes', problems}, checkNode);
  if (document['groups'] !== undefined) checkList(document['groups'], {at: '/groups', problems}, checkGroup);
  return problems.slice(0, discoveryLimits.problemsMax);
}

interface Place {
  readonly at: string;
  readonly problems: string[];
}

function report(place: Place, problem: string): void {
  if (place.problems.length < discoveryLimits.problemsMax) {
    place.problems.push(place.at === '' ? problem : `${place.at}: ${problem}`);
  }
}

function checkMembers(
  value: Readonly<Record<string, unknown>>,
  options: Place & {readonly required: readonly string[]; readonly allowed: readonly string[] | undefined},
): void {
  const missing = options.required.filter((name) => !Object.hasOwn(value, name));
  if (missing.length > 0) report(options, `missing properties: ${missing.map((name) => `'${name}'`).join(', ')}`);
  if (options.allowed === undefined) return;
  const unknown = Object.keys(value).filter((name) => options.allowed?.includes(name) !== true);
  if (unknown.length > 0)
    report(options, `additionalProperties ${unknown.map((name) => `'${name}'`).join(', ')} not allowed`);
}

function checkList(value: unknown, place: Place, check: (item: unknown, place: Place) => void): void {
  if (!Array.isArray(value)) {
    report(place, 'expected a list');
    return;
  }
  for (const [index, item] of value.entries()) check(item, {...place, at: `${place.at}/${index}`});
}

function checkText(value: unknown, place: Place): void {
  if (typeof value !== 'string') report(place, 'expected text');
}

function checkGroup(group: unknown, place: Place): void {
  if (!isRecord(group)) {
    report(place, 'expected an object');
    return;
  }
  checkMembers(group, {...place, required: ['name'], allowed: undefined});
  if (group['name'] !== undefined) checkText(group['name'], {...place, at: `${place.at}/name`});
  const filter: unknown = group['filter'];
  if (filter === undefined) return;
  const inFilter = {...place, at: `${place.at}/filter`};
  if (!isRecord(filter)) {
    report(inFilter, 'expected an object');
    return;
  }
  checkMembers(filter, {...inFilter, required: [], allowed: ['agents', 'classes', 'facts', 'identities', 'compound']});
  for (const name of ['agents', 'classes', 'facts', 'identities']) {
    if (filter[name] !== undefined) checkList(filter[name], {...inFilter, at: `${inFilter.at}/${name}`}, checkText);
  }
  if (filter['compound'] !== undefined) checkText(filter['compound'], {...inFilter, at: `${inFilter.at}/compound`});
}

function checkNode(node: unknown, place: Place): void {
  if (!isRecord(node)) {
    report(place, 'expected an object');
    return;
  }
  checkMembers(node, {...place, required: ['name', 'collectives', 'facts', 'classes', 'agents'], allowed: undefined});
  if (node['name'] !== undefined) checkText(node['name'], {...place, at: `${place.at}/name`});
  if (node['facts'] !== undefined && !isRecord(node['facts']))
    report({...place, at: `${place.at}/facts`}, 'expected an object');
  for (const name of ['collectives', 'classes', 'agents']) {
    if (node[name] !== undefined) checkList(node[name], {...place, at: `${place.at}/${name}`}, checkText);
  }
}
