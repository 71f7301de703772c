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

const nodeMembers: readonly string[] = ['name', 'collectives', 'facts', 'classes', 'agents'];

/** Every way in which a document is no inventory, with its place as a JSON pointer; empty when it is one. */
export function inventoryProblems(document: unknown): readonly string[] {
  const problems: string[] = [];
  const place = {at: '', problems};
  if (!isRecord(document)) return [`expected object, but got ${typeName(document)}`];
  checkRequired(document, {...place, required: ['$schema', 'nodes']});
  if (document['groups'] !== undefined) checkList(document['groups'], {at: '/groups', problems}, checkGroup);
  if (document['nodes'] !== undefined) checkList(document['nodes'], {at: '/nodes', problems}, checkNode);
  checkUnknown(document, {...place, known: ['$schema', 'groups', 'nodes']});
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

/** Names of JSON's types, as the schema has them. */
function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function reportType(value: unknown, wanted: string, place: Place): void {
  report(place, `expected ${wanted}, but got ${typeName(value)}`);
}

function checkRequired(
  value: Readonly<Record<string, unknown>>,
  options: Place & {readonly required: readonly string[]},
): void {
  const missing = options.required.filter((name) => !Object.hasOwn(value, name));
  if (missing.length > 0) report(options, `missing properties: ${missing.map((name) => `'${name}'`).join(', ')}`);
}

function checkUnknown(
  value: Readonly<Record<string, unknown>>,
  options: Place & {readonly known: readonly string[]},
): void {
  const unknown = Object.keys(value).filter((name) => !options.known.includes(name));
  if (unknown.length > 0)
    report(options, `additionalProperties ${unknown.map((name) => `'${name}'`).join(', ')} not allowed`);
}

function checkList(value: unknown, place: Place, check: (item: unknown, place: Place) => void): void {
  if (!Array.isArray(value)) {
    reportType(value, 'array', place);
    return;
  }
  for (const [index, item] of value.entries()) check(item, {...place, at: `${place.at}/${index}`});
}

function checkText(value: unknown, place: Place): void {
  if (typeof value !== 'string') reportType(value, 'string', place);
}

function checkGroup(group: unknown, place: Place): void {
  if (!isRecord(group)) {
    reportType(group, 'object', place);
    return;
  }
  checkRequired(group, {...place, required: ['name']});
  if (group['name'] !== undefined) checkText(group['name'], {...place, at: `${place.at}/name`});
  if (group['filter'] !== undefined) checkFilter(group['filter'], {...place, at: `${place.at}/filter`});
  checkUnknown(group, {...place, known: ['name', 'filter']});
}

function checkFilter(filter: unknown, inFilter: Place): void {
  if (!isRecord(filter)) {
    reportType(filter, 'object', inFilter);
    return;
  }
  for (const name of ['agents', 'classes', 'facts', 'identities']) {
    if (filter[name] !== undefined) checkList(filter[name], {...inFilter, at: `${inFilter.at}/${name}`}, checkText);
  }
  if (filter['compound'] !== undefined) checkText(filter['compound'], {...inFilter, at: `${inFilter.at}/compound`});
  checkUnknown(filter, {...inFilter, known: ['agents', 'classes', 'facts', 'identities', 'compound']});
}

function checkNode(node: unknown, place: Place): void {
  if (!isRecord(node)) {
    reportType(node, 'object', place);
    return;
  }
  checkRequired(node, {...place, required: nodeMembers});
  if (node['name'] !== undefined) checkText(node['name'], {...place, at: `${place.at}/name`});
  if (node['facts'] !== undefined && !isRecord(node['facts']))
    reportType(node['facts'], 'object', {...place, at: `${place.at}/facts`});
  for (const name of ['collectives', 'classes', 'agents']) {
    if (node[name] !== undefined) checkList(node[name], {...place, at: `${place.at}/${name}`}, checkText);
  }
  checkUnknown(node, {...place, known: nodeMembers});
}
