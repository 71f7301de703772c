/** Settings of NATS, autonomous agents, Scout, auditing and login. */
import type {KeySpecs} from './key-spec.ts';

export const pluginKeys = {
  'plugin.login.aaasvc.login.url': {
    type: 'comma_split',
    url: 'https://choria-io.github.io/aaasvc/',
    usedBy: ['client'],
    doc: 'Login services that choria login asks, one of them at random.',
  },
  'plugin.machines.bucket': {
    type: 'string',
    default: 'CHORIA_PLUGINS',
    usedBy: ['server'],
    doc: 'Key-value bucket with the list of autonomous agents to install.',
  },
  'plugin.machines.check_interval': {
    type: 'string',
    default: '30s',
    usedBy: ['server'],
    doc: 'How often installed files of autonomous agents are verified.',
  },
  'plugin.machines.download': {
    type: 'boolean',
    usedBy: ['server'],
    doc: 'Installs autonomous agents from the key-value store.',
  },
  'plugin.machines.key': {
    type: 'string',
    default: 'plugins',
    usedBy: ['server'],
    doc: 'Key in the bucket that holds the list of autonomous agents.',
  },
  'plugin.machines.poll_interval': {
    type: 'string',
    default: '1m',
    usedBy: ['server'],
    doc: 'How often the list of autonomous agents is read.',
  },
  'plugin.machines.purge': {
    type: 'boolean',
    default: 'true',
    usedBy: ['server'],
    doc: 'Removes autonomous agents that are no longer listed.',
  },
  'plugin.machines.signing_key': {
    type: 'string',
    usedBy: ['server'],
    doc: 'Public ed25519 key in hex that signs the list of autonomous agents.',
  },
  'plugin.nats.credentials': {
    type: 'string',
    environment: 'MCOLLECTIVE_NATS_CREDENTIALS',
    usedBy: ['all'],
    doc: 'NATS credentials file for connecting to a foreign NATS network.',
  },
  'plugin.nats.pass': {
    type: 'string',
    environment: 'MCOLLECTIVE_NATS_PASSWORD',
    secret: true,
    usedBy: ['all'],
    doc: 'Password for connecting to a foreign NATS network.',
  },
  'plugin.nats.user': {
    type: 'string',
    environment: 'MCOLLECTIVE_NATS_USERNAME',
    usedBy: ['all'],
    doc: 'User name for connecting to a foreign NATS network.',
  },
  'plugin.rpcaudit.logfile': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'File of the audit log.',
  },
  'plugin.rpcaudit.logfile.group': {
    type: 'string',
    usedBy: ['server'],
    doc: 'Group that owns the audit log.',
  },
  'plugin.rpcaudit.logfile.mode': {
    type: 'string',
    default: '0600',
    usedBy: ['server'],
    doc: 'Permission bits of the audit log, in octal digits.',
  },
  'plugin.scout.agent_disabled': {
    type: 'boolean',
    usedBy: ['server'],
    doc: 'Does not start the scout agent.',
  },
  'plugin.scout.goss.denied_local_resources': {
    type: 'comma_split',
    usedBy: ['server'],
    doc: 'Kinds of resources that checks from local files may not use.',
  },
  'plugin.scout.goss.denied_remote_resources': {
    type: 'comma_split',
    default: 'command',
    usedBy: ['server'],
    doc: 'Kinds of resources that checks sent over the network may not use.',
  },
  'plugin.scout.overrides': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'JSON file that overrides settings of Scout checks.',
  },
  'plugin.scout.tags': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'File of Scout tags. Accepted for older configurations; nothing reads it.',
  },
} as const satisfies KeySpecs;
