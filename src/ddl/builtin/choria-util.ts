/** What a node tells about its connection and its autonomous agents. */
import {output, summary, textInput, type AgentForm} from './build.ts';

const machineName = {validation: '^[a-zA-Z][a-zA-Z0-9_-]+', maxlength: 128, optional: true} as const;
const instanceInput = textInput('Instance ID', 'Id of one running machine', {
  validation: '^.+-.+-.+-.+-.+$',
  maxlength: 36,
  optional: true,
});
const nameInput = textInput('Name', 'Name of the machine', machineName);
const pathInput = textInput('Path', 'Directory the machine was loaded from', {
  validation: '.+',
  maxlength: 512,
  optional: true,
});

export const choriaUtil: AgentForm = {
  name: 'choria_util',
  description: 'Reports on the connection of a server and drives its autonomous agents',
  timeout: 2,
  actions: {
    info: {
      description: 'How a node is connected and secured',
      display: 'failed',
      output: {
        security: output('string', 'Security Provider', {description: 'The security provider in use'}),
        secure_protocol: output('boolean', 'Protocol Secure', {description: 'Whether messages are signed'}),
        connector: output('string', 'Connector', {description: 'What connects the node'}),
        connector_tls: output('boolean', 'Connector TLS', {description: 'Whether the connection is encrypted'}),
        path: output('string', 'Path', {description: 'The search path of the server'}),
        choria_version: output('string', 'Choria Version', {description: 'Version of the server'}),
        client_version: output('string', 'Middleware Client Library Version', {description: 'Version of the library'}),
        client_flavour: output('string', 'Middleware Client Flavour', {description: 'Kind of the library'}),
        client_options: output('hash', 'Middleware Client Options', {description: 'Settings of the connection'}),
        connected_server: output('string', 'Connected Broker', {description: 'The broker in use'}),
        client_stats: output('hash', 'Middleware Client Stats', {description: 'Traffic of the connection'}),
        facter_domain: output('string', 'Facter Domain', {description: 'The domain that facter reports'}),
        facter_command: output('string', 'Facter', {description: 'Where facter is'}),
        srv_domain: output('string', 'SRV Domain', {description: 'Where brokers are looked up'}),
        using_srv: output('boolean', 'SRV Used', {description: 'Whether brokers are looked up at all'}),
        middleware_servers: output('array', 'Middleware', {description: 'Brokers the node may use'}),
      },
      aggregate: [
        'choria_version',
        'client_version',
        'client_flavour',
        'connected_server',
        'srv_domain',
        'using_srv',
        'secure_protocol',
        'connector_tls',
      ].map((name) => summary(name)),
    },
    machine_states: {
      description: 'Every autonomous agent and its state',
      display: 'always',
      output: {
        machine_names: output('array', 'Machine Names', {description: 'Their names'}),
        machine_ids: output('array', 'Machine IDs', {description: 'Their ids'}),
        states: output('hash', 'Machine States', {description: 'Their states by id'}),
      },
      aggregate: [summary('machine_names')],
    },
    machine_state: {
      description: 'State of one autonomous agent',
      display: 'ok',
      input: {instance: instanceInput, name: nameInput, path: pathInput},
      output: {
        name: output('string', 'Name', {description: 'Its name'}),
        version: output('string', 'Version', {description: 'Its version'}),
        state: output('string', 'State', {description: 'The state it is in'}),
        path: output('string', 'Path', {description: 'Where it was loaded from'}),
        id: output('string', 'ID', {description: 'Its id'}),
        start_time: output('string', 'Started', {description: 'When it started'}),
        available_transitions: output('array', 'Available Transitions', {description: 'What it can do now'}),
        scout: output('boolean', 'Scout Check', {description: 'Whether it is a check'}),
        current_state: output('', 'Scout State', {description: 'The last result of a check'}),
      },
      aggregate: [summary('state'), summary('name'), summary('version')],
    },
    machine_transition: {
      description: 'Sends an event to an autonomous agent',
      display: 'failed',
      input: {
        instance: instanceInput,
        version: textInput('Version', 'Version of the machine', {
          validation: '^\\d+\\.\\d+\\.\\d+$',
          maxlength: 20,
          optional: true,
        }),
        name: nameInput,
        path: pathInput,
        transition: textInput('Transition Name', 'The event to send', {
          validation: '^[a-zA-Z][a-zA-Z0-9_-]+$',
          maxlength: 128,
        }),
      },
      output: {success: output('boolean', 'Accepted', {description: 'Whether the machine took it'})},
    },
  },
};
