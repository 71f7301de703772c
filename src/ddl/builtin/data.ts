/** Descriptions of the data plugins that every server has. */
import {output, textInput} from './build.ts';

type Item = Readonly<Record<string, unknown>>;

export interface DataForm {
  readonly name: string;
  readonly description: string;
  /** Seconds. */
  readonly timeout: number;
  readonly query?: Item;
  readonly output: Readonly<Record<string, Item>>;
}

const count = (title: string, description: string): Item => output('integer', title, {description});
const text = (title: string, description: string): Item => output('string', title, {description});
const list = (title: string, description: string): Item => output('array', title, {description});

const machine = {
  name: text('Name', 'Its name'),
  version: text('Version', 'Its version'),
  state: text('State', 'The state it is in'),
  path: text('Path', 'Where it was loaded from'),
  id: text('ID', 'Its id'),
  start_time: text('Started', 'When it started'),
  available_transitions: list('Available Transitions', 'What it can do now'),
  scout: output('boolean', 'Scout Check', {description: 'Whether it is a check'}),
  current_state: output('hash', 'Scout State', {description: 'The last result of a check'}),
};

export const dataForms: readonly DataForm[] = [
  {
    name: 'choria',
    description: 'The running server itself',
    timeout: 1,
    output: {
      agents: list('Agents', 'Names of the agents'),
      agents_count: count('Agents Count', 'How many agents'),
      built: text('Built', 'When the program was built'),
      classes: list('Classes', 'Configuration management classes'),
      classes_count: count('Classes Count', 'How many classes'),
      commit: text('Commit', 'What the program was built from'),
      configfile: text('Configuration File', 'The main configuration file'),
      connected_broker: text('Connected Broker', 'The broker in use'),
      cpus: count('CPUs', 'Processors of the node'),
      filtered: count('Filtered', 'Requests meant for other nodes'),
      go_version: text('Go Version', 'The runtime of the program'),
      goroutines: count('Go Routines', 'Parallel activities'),
      license: text('License', 'License of the program'),
      machines: list('Machines', 'Names of the autonomous agents'),
      machines_count: count('Machines Count', 'How many autonomous agents'),
      passed: count('Passed', 'Requests whose filter matched this node'),
      pid: count('PID', 'Process id'),
      provisioning: output('boolean', 'Provisioning', {description: 'Whether the node waits to be configured'}),
      replies: count('Replies', 'Replies sent'),
      total: count('Total', 'Messages received'),
      ttlexpired: count('TTL Expired', 'Requests that came too late'),
      unvalidated: count('Unvalidated', 'Messages that failed a security check'),
      uptime: count('Uptime', 'Seconds since the start'),
      validated: count('Validated', 'Requests that passed every check'),
      version: text('Version', 'Version of the program'),
    },
  },
  {
    name: 'config_item',
    description: 'One setting of the running configuration',
    timeout: 1,
    query: textInput('Item', 'Name of the setting as in the configuration file', {validation: '.+', maxlength: 256}),
    output: {
      present: output('boolean', 'Present', {description: 'Whether there is such a setting'}),
      value: output('', 'Value', {description: 'What the server uses'}),
    },
  },
  {
    name: 'machine_state',
    description: 'State of one autonomous agent',
    timeout: 1,
    query: textInput('Machine', 'Its name, path or id', {validation: '.+', maxlength: 256}),
    output: machine,
  },
  {
    name: 'scout',
    description: 'The last result of a check',
    timeout: 1,
    query: textInput('Check', 'Name of the check', {validation: '^[a-zA-Z][a-zA-Z0-9_-]+$', maxlength: 50}),
    output: {},
  },
];
