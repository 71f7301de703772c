/** `choria init`: sets up an organisation and keeps it. */
import type {CommandSpec, FlagSpec} from '../types.ts';

const directoryFlag: FlagSpec = {
  name: 'directory',
  short: 'd',
  kind: 'string',
  default: 'choria-organisation',
  valueName: 'DIR',
  help: 'Folder of the organisation',
};
const jsonFlag: FlagSpec = {name: 'json', short: 'j', kind: 'boolean', help: 'Say what was done as JSON'};
const validityFlag: FlagSpec = {
  name: 'validity',
  kind: 'duration',
  default: '1y',
  valueName: '1y',
  help: 'How long what is issued lasts',
};
const forceFlag: FlagSpec = {
  name: 'force',
  kind: 'boolean',
  help: 'Replace what is there; it is kept under another name',
};
const targetFlag: FlagSpec = {
  name: 'target',
  kind: 'string',
  valueName: 'DIR',
  help: 'Folder on the other machine to which the files will be copied, such as /etc/choria',
};

const organisationSpec: CommandSpec = {
  name: 'organisation',
  help: 'Sets up a new organisation: an authority, a broker, the first callers and nodes',
  isDefault: true,
  flags: [
    directoryFlag,
    {
      name: 'name',
      kind: 'string',
      valueName: 'NAME',
      help: 'Name of the organisation; without it the name of the folder',
    },
    {
      name: 'broker',
      kind: 'string',
      default: 'localhost',
      valueName: 'HOST',
      help: 'Name or IPv4 address by which nodes and callers reach the broker',
    },
    {name: 'port', kind: 'integer', default: '4222', valueName: '4222', help: 'Port of the broker'},
    {
      name: 'listen',
      kind: 'string',
      valueName: 'ADDRESS',
      help: 'Address on which the broker listens; without it all of its machine',
    },
    {name: 'node', short: 'n', kind: 'string', repeatable: true, valueName: 'NAME', help: 'A node to make files for'},
    {
      name: 'user',
      short: 'u',
      kind: 'string',
      repeatable: true,
      valueName: 'NAME',
      help: 'A caller who may do everything; without it the user who runs this',
    },
    {
      name: 'collective',
      short: 'T',
      kind: 'string',
      repeatable: true,
      valueName: 'NAME',
      help: 'A collective of the nodes',
    },
    {
      name: 'x509',
      kind: 'boolean',
      help: 'Certificates for everybody and protocol version 1, in place of tokens and version 2',
    },
    validityFlag,
    forceFlag,
    jsonFlag,
  ],
  run: async () => (await import('./init-run.ts')).runInit,
};

const nodeSpec: CommandSpec = {
  name: 'node',
  help: 'Makes the files of further nodes',
  arguments: [{name: 'name', required: true, repeatable: true, help: 'Identities of the nodes'}],
  flags: [directoryFlag, targetFlag, validityFlag, forceFlag, jsonFlag],
  run: async () => (await import('./init-run.ts')).runInitNode,
};

const userSpec: CommandSpec = {
  name: 'user',
  help: 'Makes the files of a further caller',
  arguments: [{name: 'name', required: true, help: 'Name of the user, such as rip'}],
  flags: [
    directoryFlag,
    {
      name: 'role',
      kind: 'enum',
      values: ['operator', 'reader'],
      default: 'reader',
      help: 'What the policies of the nodes allow: everything, or only to look',
    },
    targetFlag,
    validityFlag,
    forceFlag,
    jsonFlag,
  ],
  run: async () => (await import('./init-run.ts')).runInitUser,
};

const renewSpec: CommandSpec = {
  name: 'renew',
  help: 'Issues new certificates for the same keys',
  arguments: [{name: 'name', repeatable: true, help: 'Members to renew; without any, all that end soon'}],
  flags: [
    directoryFlag,
    {
      name: 'within',
      kind: 'duration',
      default: '30d',
      valueName: '30d',
      help: 'Without names: renew what ends within this time',
    },
    validityFlag,
    jsonFlag,
  ],
  run: async () => (await import('./init-run.ts')).runInitRenew,
};

const revokeSpec: CommandSpec = {
  name: 'revoke',
  help: 'Takes back everything that was issued to a node or a caller',
  arguments: [{name: 'name', required: true, help: 'Name of the node or user'}],
  flags: [directoryFlag, jsonFlag],
  run: async () => (await import('./init-run.ts')).runInitRevoke,
};

const statusSpec: CommandSpec = {
  name: 'status',
  help: 'Shows who is in the organisation and what ends when',
  flags: [directoryFlag, jsonFlag],
  run: async () => (await import('./init-status-run.ts')).runInitStatus,
};

const answerSpec: CommandSpec = {
  name: 'answer',
  help: 'Answers a provisioner: what the node becomes that is described on standard input\n\nThe helper of the provisioner that choria init prepares. A node of a name that somebody has is put off.',
  flags: [directoryFlag],
  run: async () => (await import('./init-answer-run.ts')).runInitAnswer,
};

export const initCommand: CommandSpec = {
  name: 'init',
  help: 'Sets up an organisation in a folder, and keeps it',
  commands: [organisationSpec, nodeSpec, userSpec, renewSpec, revokeSpec, statusSpec, answerSpec],
};
