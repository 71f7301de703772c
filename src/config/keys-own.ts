/**
 * Settings that only this program has. They never appear among the keys shared with the Go program, and a Go program that meets them in
 * a file ignores them.
 */
import type {KeySpecs} from './key-spec.ts';

export const ownKeys = {
  'plugin.choria.security.request_ttl_max': {
    type: 'duration',
    default: '1h',
    usedBy: ['server'],
    doc: 'Longest validity of a request that a server accepts, whatever the request itself says. Longer lets pre-signed requests live longer and makes the memory of executed requests larger.',
  },
  'plugin.choria.security.replay_store': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'File in which a server remembers the requests that it executed, so that none runs twice after a restart. Without it, a file named after the identity in the state directory.',
  },
  'plugin.choria.server.state_directory': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'Directory for what a server must not forget when it restarts: the requests that it executed, and which process has its identity. Without it /var/lib/choria for root, else choria in XDG_STATE_HOME or ~/.local/state.',
  },
  'plugin.choria.server.concurrency': {
    type: 'integer',
    default: '64',
    usedBy: ['server'],
    doc: 'How many calls of one agent run at the same time. Further ones wait, callers taking turns, and are refused with an answer when too many wait.',
  },
  'plugin.choria.network.open_certificates': {
    type: 'boolean',
    default: 'false',
    usedBy: ['broker'],
    doc: 'Lets every certificate of the authority publish and subscribe to everything, as older brokers do. Without it a node can act as itself only, and only callers can send requests.',
  },
} as const satisfies KeySpecs;
