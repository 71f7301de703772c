/** The options that the applications of the Ruby client share, with all their names, in the sections of its help. */
import {configFlag, filterFlags} from '../commands/flags.ts';
import type {FlagSpec} from '../types.ts';

export interface OptionSection {
  readonly title: string;
  readonly flags: readonly FlagSpec[];
}

/** The older names of each filter. */
const filterAliases: ReadonlyMap<string, {readonly alias?: string; readonly value: string; readonly help: string}> =
  new Map([
    ['with', {value: 'FILTER', help: 'Classes and facts that must all match'}],
    ['select', {value: 'FILTER', help: 'An expression over facts, classes and data'}],
    ['wf', {alias: 'with-fact', value: 'fact=val', help: 'Nodes with this fact'}],
    ['wc', {alias: 'with-class', value: 'CLASS', help: 'Nodes with this class'}],
    ['wa', {alias: 'with-agent', value: 'AGENT', help: 'Nodes with this agent'}],
    ['wi', {alias: 'with-identity', value: 'IDENT', help: 'Nodes of this name'}],
  ]);

const hostFilters: readonly FlagSpec[] = [...filterAliases].flatMap(([name, {alias, value, help}]) =>
  filterFlags
    .filter((flag) => flag.name === name)
    .map((flag) => ({...flag, valueName: value, help, ...(alias === undefined ? {} : {aliases: [alias]})})),
);

export const mcoConfigFlag: FlagSpec = {
  ...configFlag,
  short: 'c',
  help: 'Configuration file in place of the usual one',
};
const verboseFlag: FlagSpec = {name: 'verbose', short: 'v', kind: 'boolean', help: 'Say more'};

/** Of every application. */
export const generalOptions: readonly FlagSpec[] = [mcoConfigFlag, verboseFlag];

export const rpcOptions: readonly FlagSpec[] = [
  {name: 'np', aliases: ['no-progress'], kind: 'boolean', help: 'Show no progress'},
  {name: 'one', short: '1', kind: 'boolean', help: 'Ask only one of the nodes found'},
  {name: 'batch', kind: 'integer', valueName: 'SIZE', help: 'Ask this many nodes at a time'},
  {name: 'batch-sleep', kind: 'integer', valueName: 'SECONDS', help: 'Time between batches'},
  {name: 'limit-seed', kind: 'integer', valueName: 'NUMBER', help: 'Makes the choice of nodes repeatable'},
  {
    name: 'limit',
    aliases: ['limit-nodes', 'ln'],
    kind: 'string',
    valueName: 'COUNT',
    help: 'Ask only so many nodes, or so many percent',
  },
  {name: 'json', short: 'j', kind: 'boolean', help: 'Show results as JSON'},
  {name: 'display', kind: 'string', valueName: 'MODE', help: 'Which results to show: ok, all or failed'},
  ...generalOptions,
];

export const commonOptions: readonly FlagSpec[] = [
  {name: 'target', short: 'T', kind: 'string', valueName: 'COLLECTIVE', help: 'The sub collective to ask'},
  {
    name: 'discovery-timeout',
    aliases: ['dt'],
    kind: 'integer',
    valueName: 'SECONDS',
    help: 'How long to look for nodes',
  },
  {name: 'timeout', short: 't', kind: 'integer', valueName: 'SECONDS', help: 'How long to wait for results'},
  {name: 'quiet', short: 'q', kind: 'boolean', help: 'Say less'},
  {name: 'ttl', kind: 'integer', valueName: 'TTL', help: 'Seconds that a request is valid'},
  {name: 'reply-to', kind: 'string', valueName: 'TARGET', help: 'Where nodes send their replies'},
  {name: 'dm', aliases: ['disc-method'], kind: 'string', valueName: 'METHOD', help: 'How nodes are found'},
  {
    name: 'do',
    aliases: ['disc-option'],
    kind: 'map',
    repeatable: true,
    valueName: 'OPTION',
    help: 'An option of the way that nodes are found',
  },
  {name: 'nodes', kind: 'string', valueName: 'FILE', help: 'A file with the names of the nodes'},
  {
    name: 'publish_timeout',
    kind: 'integer',
    valueName: 'TIMEOUT',
    help: 'Seconds that publishing may take; requests are never held back by it',
  },
  {name: 'threaded', kind: 'boolean', help: 'Publish and receive at the same time, as is always done'},
  {name: 'sort', kind: 'boolean', help: 'Show results by name'},
  {name: 'connection-timeout', kind: 'integer', valueName: 'TIMEOUT', help: 'Seconds that connecting may take'},
  {name: 'federations', kind: 'string', valueName: 'FEDERATIONS', help: 'The federations to reach'},
];

/** What every application that asks nodes takes. */
export const requestSections: readonly OptionSection[] = [
  {title: 'RPC Options', flags: rpcOptions},
  {title: 'Common Options', flags: commonOptions},
  {title: 'Host Filters', flags: hostFilters},
];

export const filterSection: OptionSection = {title: 'Host Filters', flags: hostFilters};

export function flagsOf(sections: readonly OptionSection[]): readonly FlagSpec[] {
  return sections.flatMap((section) => section.flags);
}
