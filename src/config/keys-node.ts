/** Settings of the node and of every program: the keys without a `plugin.` prefix, and the facts file. */
import type {KeySpecs} from './key-spec.ts';

export const nodeKeys = {
  classesfile: {
    type: 'path_string',
    default: '/opt/puppetlabs/puppet/cache/state/classes.txt',
    usedBy: ['server'],
    doc: 'File that lists the classes of this node, one on each line. Class filters and the inventory read it.',
  },
  collectives: {
    type: 'comma_split',
    usedBy: ['all'],
    doc: 'Sub collectives this node joins, or that a client may address. Requests to any other collective do not reach it.',
  },
  color: {
    type: 'boolean',
    default: 'true',
    usedBy: ['client'],
    doc: 'Colours in terminal output. Never used when output is not a terminal or NO_COLOR is set.',
  },
  default_discovery_method: {
    type: 'string',
    default: 'mc',
    allowed: ['mc', 'broadcast', 'puppetdb', 'choria', 'external', 'inventory'],
    usedBy: ['client'],
    doc: 'How a client finds nodes when no method is chosen on the command line.',
  },
  default_discovery_options: {
    type: 'strings',
    usedBy: ['client'],
    doc: 'Options handed to the default discovery method. Each line in the file adds one.',
  },
  discovery_timeout: {
    type: 'integer',
    default: '2',
    usedBy: ['client'],
    doc: 'Seconds to wait for answers of a broadcast discovery when the broker cannot tell how many to expect. Longer finds slow nodes, shorter makes every request quicker.',
  },
  identity: {
    type: 'string',
    usedBy: ['all'],
    doc: "Name of this node on the network. Without it the host's full name is used: the system's host name, its reverse DNS name, what Facter says, or the short name.",
  },
  libdir: {
    type: 'path_split',
    usedBy: ['all'],
    doc: 'Directories searched for agents and their descriptions. Repeated lines add to the list.',
  },
  logfile: {
    type: 'path_string',
    default: 'stdout',
    usedBy: ['all'],
    doc: 'Where log lines go: stdout, stderr, discard, or the path of a file that JSON lines are appended to.',
  },
  loglevel: {
    type: 'string',
    default: 'info',
    allowed: ['debug', 'info', 'warn', 'error', 'fatal'],
    usedBy: ['all'],
    doc: 'Least severity that is logged. Any other word logs from warn on.',
  },
  main_collective: {
    type: 'string',
    usedBy: ['all'],
    doc: 'Collective that requests go to unless another is chosen. Without it the first of the collectives.',
  },
  'plugin.yaml': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'File of facts about this node, YAML or JSON.',
  },
  registerinterval: {
    type: 'integer',
    default: '300',
    usedBy: ['server'],
    doc: 'Seconds between registration messages. 0 turns registration off.',
  },
  registration: {
    type: 'comma_split',
    usedBy: ['server'],
    doc: 'Registration plugins to run. Empty runs none.',
  },
  registration_collective: {
    type: 'string',
    usedBy: ['server'],
    doc: 'Collective that registration messages go to. Without it the main collective.',
  },
  registration_splay: {
    type: 'boolean',
    default: 'true',
    usedBy: ['server'],
    doc: 'Waits a random part of the interval before the first registration, so that a restarted fleet does not publish all at once.',
  },
  rpcaudit: {
    type: 'boolean',
    default: 'false',
    url: 'https://choria.io/docs/configuration/aaa/',
    usedBy: ['server'],
    doc: "Writes an audit record of each request. A request whose record can't be written is not executed.",
  },
  rpcauthorization: {
    type: 'boolean',
    default: 'true',
    url: 'https://choria.io/docs/configuration/aaa/',
    usedBy: ['server'],
    doc: 'Asks the authorisation plugin before an action runs.',
  },
  rpcauthprovider: {
    type: 'title_string',
    default: 'action_policy',
    url: 'https://choria.io/docs/configuration/aaa/',
    usedBy: ['server'],
    doc: 'Authorisation plugin: action_policy or rego_policy.',
  },
  rpclimitmethod: {
    type: 'string',
    default: 'first',
    allowed: ['first', 'random'],
    usedBy: ['client'],
    doc: 'How nodes are picked when a request is limited to some of them.',
  },
  soft_shutdown_timeout: {
    type: 'integer',
    default: '2',
    usedBy: ['all'],
    doc: 'Seconds a stopping program gets before it is ended by force.',
  },
  ttl: {
    type: 'integer',
    default: '60',
    usedBy: ['all'],
    doc: 'Seconds that a request stays valid. Longer tolerates clocks that differ, shorter leaves less time to abuse a captured request.',
  },
} as const satisfies KeySpecs;
