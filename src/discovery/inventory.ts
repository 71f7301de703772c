/**
 * Finds nodes in an inventory file, with the filters that nodes themselves would apply, and with named groups.
 *
 * Rules: the client digest, section 2.4. Data plugins do not exist here: there is no node to ask.
 */
import type {Files} from '../lib/platform.ts';
import type {FactFilter, Filter} from '../protocol/types.ts';
import {DiscoveryError} from './errors.ts';
import {checkedIdentities} from './identities.ts';
import {type Inventory, type InventoryGroup, type InventoryNode, readInventory} from './inventory-file.ts';
import {expandHome} from './paths.ts';
import type {DiscoveryMethod, DiscoveryRequest} from './types.ts';

/** Makes a test of nodes out of a filter; throws when an expression in it cannot be compiled. */
export type CompileFilter = (filter: Filter) => (node: InventoryNode) => Promise<boolean>;

export interface InventoryOptions {
  readonly files: Files;
  /** `plugin.choria.discovery.inventory.source`; the option `file` of a request beats it. */
  readonly source: string | undefined;
  readonly homeDirectory: string | undefined;
  readonly compileFilter: CompileFilter;
  /** Parses `country=mt`; throws on anything else. */
  readonly parseFact: (text: string) => FactFilter;
}

const groupPrefix = 'group:';

export function createInventoryMethod(options: InventoryOptions): DiscoveryMethod {
  return {
    name: 'inventory',
    discover: async (request) => {
      const source = request.options['file'] ?? options.source ?? '';
      if (source === '') {
        throw new DiscoveryError('ERR_DISCOVERY_SOURCE', 'no discovery source file specified');
      }
      const inventory = await readInventory(options.files, {
        path: expandHome(source, options.homeDirectory),
        validate: request.options['novalidate'] === undefined,
      });
      const names = await select(inventory, {request, options});
      return {identities: checkedIdentities(names, JSON.stringify(source)), complete: true};
    },
  };
}

interface Job {
  readonly request: DiscoveryRequest;
  readonly options: InventoryOptions;
}

async function select(inventory: Inventory, job: Job): Promise<readonly string[]> {
  const {filter, collective} = job.request;
  const groupNames = filter.identities
    .filter((name) => name.startsWith(groupPrefix))
    .map((name) => name.slice(groupPrefix.length));
  if (groupNames.length === 0) {
    const matches = job.options.compileFilter(filter);
    return matchingNames(
      inventory.nodes.filter((node) => node.collectives.includes(collective)),
      matches,
    );
  }
  const others =
    filter.facts.length +
    filter.classes.length +
    filter.compounds.length +
    (filter.identities.length - groupNames.length);
  if (others > 0 || filter.agents.length > 1) {
    throw new DiscoveryError('ERR_DISCOVERY_GROUP', 'group matches cannot be combined with other filters', {
      details: {groups: groupNames},
    });
  }
  const names = new Set<string>();
  for (const name of groupNames) {
    for (const member of await groupMembers(inventory, {name, options: job.options})) names.add(member);
  }
  return [...names].toSorted();
}

async function matchingNames(
  nodes: readonly InventoryNode[],
  matches: (node: InventoryNode) => Promise<boolean>,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const node of nodes) if (await matches(node)) names.push(node.name);
  return names;
}

async function groupMembers(
  inventory: Inventory,
  job: {readonly name: string; readonly options: InventoryOptions},
): Promise<readonly string[]> {
  const group = inventory.groups.find((candidate) => candidate.name === job.name);
  if (group === undefined) {
    throw new DiscoveryError('ERR_DISCOVERY_GROUP', `unknown group '${job.name}'`, {
      details: {group: job.name, known: inventory.groups.map((known) => known.name)},
    });
  }
  const matches = job.options.compileFilter(groupFilter(group, job.options));
  return matchingNames(inventory.nodes, matches);
}

function groupFilter(group: InventoryGroup, options: InventoryOptions): Filter {
  return {
    agents: group.agents,
    classes: group.classes,
    identities: group.identities,
    facts: group.facts.map((fact) => options.parseFact(fact)),
    compounds: group.compound === '' ? [] : [[{expr: group.compound}]],
  };
}
