/** Writes inventory files. Facts stay the JSON text that nodes gave, so that long numbers survive. */
import {goJson, indentJson} from '../lib/json-text.ts';
import {yaml} from '../lib/yaml.ts';
import {DiscoveryError} from './errors.ts';
import {inventorySchema} from './inventory-file.ts';
import {extension} from './paths.ts';

/** What a node said of itself, each member as JSON text. */
export interface InventoryNodeText {
  readonly name: string;
  readonly collectives: string;
  readonly facts: string;
  readonly classes: string;
  readonly agents: string;
}

/** The group of a file that had none: every node. */
const groupsDefault: readonly unknown[] = [{name: 'all', filter: {identities: ['/./']}}];

/** @throws {DiscoveryError} `ERR_DISCOVERY_SOURCE` for a name that is neither JSON nor YAML */
export function inventoryFormatOf(path: string): 'json' | 'yaml' {
  const name = extension(path);
  if (name === 'json') return 'json';
  if (name === 'yaml' || name === 'yml') return 'yaml';
  throw new DiscoveryError(
    'ERR_DISCOVERY_SOURCE',
    `Cannot write ${JSON.stringify(path)}: cannot determine file type from extension, expected .json, .yaml or .yml`,
    {details: {path}},
  );
}

/**
 * @param options.groups  those of the file that is replaced, as they were; absent: one group of all nodes
 * @example
 * renderInventory([{name: 'a', collectives: '["mcollective"]', facts: '{}', classes: '[]', agents: '[]'}], {format: 'json'});
 */
export function renderInventory(
  nodes: readonly InventoryNodeText[],
  options: {readonly format: 'json' | 'yaml'; readonly groups?: unknown},
): string {
  const list = nodes.map(
    (node) =>
      `{"name":${goJson(node.name)},"collectives":${node.collectives},"facts":${node.facts},"classes":${node.classes},"agents":${node.agents}}`,
  );
  const groups = options.groups ?? groupsDefault;
  const document = `{"$schema":${goJson(inventorySchema)},"groups":${JSON.stringify(groups)},"nodes":[${list.join(',')}]}`;
  if (options.format === 'json') return `${indentJson(document, {indent: '  '})}\n`;
  return yaml().stringify(yaml().parse(document, {intAsBigInt: true}), {aliasDuplicateObjects: false, lineWidth: 0});
}
