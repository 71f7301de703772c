/** Flags that several commands share. A command lists the groups it understands, in the order of its help page. */
import type {FlagSpec} from '../types.ts';

export const configFlag: FlagSpec = {
  name: 'config',
  kind: 'file',
  valueName: 'FILE',
  help: 'Configuration file to use',
};

const factFlag: FlagSpec = {
  name: 'wf',
  short: 'F',
  kind: 'string',
  repeatable: true,
  help: 'Match nodes with a certain fact',
};
const classFlag: FlagSpec = {
  name: 'wc',
  short: 'C',
  kind: 'string',
  repeatable: true,
  help: 'Match nodes with a certain configuration management class',
};
const agentFlag: FlagSpec = {
  name: 'wa',
  short: 'A',
  kind: 'string',
  repeatable: true,
  help: 'Match nodes with a certain agent',
};
const identityFlag: FlagSpec = {
  name: 'wi',
  short: 'I',
  kind: 'string',
  repeatable: true,
  help: 'Match nodes with a certain identity',
};
const withFlag: FlagSpec = {
  name: 'with',
  short: 'W',
  kind: 'string',
  repeatable: true,
  valueName: 'FILTER',
  help: 'Combined classes and facts filter',
};

/** -F -C -A -I -W, as `inventory` has them. */
export const basicFilterFlags: readonly FlagSpec[] = [factFlag, classFlag, agentFlag, identityFlag, withFlag];

/** [F]: the basic filters, -S, -T and --do. */
export const filterFlags: readonly FlagSpec[] = [
  ...basicFilterFlags,
  {
    name: 'select',
    short: 'S',
    kind: 'string',
    valueName: 'EXPR',
    help: 'Match nodes using an expression (compound filter)',
  },
  {name: 'target', short: 'T', kind: 'string', help: 'Target a specific sub collective'},
  {name: 'do', kind: 'map', repeatable: true, valueName: 'K=V', help: 'Options for the chosen discovery method'},
];

/** The names that `--dm` takes. */
export const discoveryMethodNames: readonly string[] = [
  'broadcast',
  'choria',
  'mc',
  'file',
  'flatfile',
  'external',
  'inventory',
];

/** [S]: how nodes are found. `--discovery-timeout` takes whole seconds. */
export const discoveryFlags: readonly FlagSpec[] = [
  {
    name: 'dm',
    kind: 'enum',
    values: discoveryMethodNames,
    help: 'Discovery method to use (mc, choria, file, external, inventory)',
  },
  {
    name: 'discovery-timeout',
    kind: 'integer',
    valueName: 'SECONDS',
    help: 'Time to wait for answers during discovery',
  },
  {
    name: 'discovery-window',
    kind: 'boolean',
    help: 'Ends discovery when answers stop arriving (experimental)',
  },
];

/** [N]. */
export const nodesFlag: FlagSpec = {
  name: 'nodes',
  kind: 'string',
  help: 'List of nodes to interact with in JSON, YAML or TEXT formats',
};
