/** `choria policy explain`. */
import type {CommandSpec} from '../types.ts';
import {configFlag} from './flags.ts';

export const policyCommand: CommandSpec = {
  name: 'policy',
  help: 'Policies: who may do what',
  commands: [
    {
      name: 'explain',
      help: 'Tell whether a caller may run an action, and which line of which policy decides\n\nExits 0 when the action is allowed on every node that was asked about, else 1.',
      flags: [
        configFlag,
        {name: 'caller', kind: 'string', help: 'Caller id, such as choria=bob.mcollective'},
        {name: 'token', kind: 'string', valueName: 'FILE', help: 'Take caller and claims from a client token'},
        {name: 'certificate', kind: 'string', valueName: 'FILE', help: 'Take the caller from a certificate'},
        {
          name: 'policies',
          kind: 'string',
          valueName: 'FILE',
          default: '/etc/choria/server.conf',
          help: 'Server configuration beside which the policies lie',
        },
        {name: 'node', kind: 'string', repeatable: true, help: 'Ask this node for its facts and classes'},
        {name: 'facts', kind: 'string', valueName: 'FILE', help: 'File of facts in place of the configured ones'},
        {name: 'classes', kind: 'string', valueName: 'FILE', help: 'File of classes in place of the configured one'},
        {name: 'collective', kind: 'string', help: 'Collective of the request'},
        {name: 'json', kind: 'boolean', help: 'Produce JSON output'},
      ],
      arguments: [
        {name: 'agent', required: true, help: 'The agent'},
        {name: 'action', required: true, help: 'The action'},
        {name: 'inputs', repeatable: true, help: 'Inputs, as NAME=VALUE'},
      ],
      run: async () => (await import('./policy-explain-run.ts')).runPolicyExplain,
    },
  ],
};
