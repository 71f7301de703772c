/** `choria jwt`: tokens and the keys that sign them. */
import type {ArgumentSpec, CommandSpec, FlagSpec} from '../types.ts';

const fileArgument: ArgumentSpec = {name: 'file', required: true, help: 'The file that holds the token'};
const signingKeyArgument: ArgumentSpec = {
  name: 'signing-key',
  required: true,
  help: 'Path of the private key that signs the token',
};

function validityFlag(preset: string): FlagSpec {
  return {name: 'validity', kind: 'duration', default: preset, help: 'How long the token is valid'};
}

const organizationFlag: FlagSpec = {
  name: 'org',
  kind: 'string',
  default: 'choria',
  help: 'The organization that the holder belongs to',
};
const vaultFlag: FlagSpec = {
  name: 'vault',
  kind: 'boolean',
  help: 'Signs with Hashicorp Vault; the signing key is the name of a transit key',
};

const keysCommand: CommandSpec = {
  name: 'keys',
  aliases: ['k'],
  help: 'Creates an Ed25519 key pair',
  arguments: [
    {name: 'seed-file', required: true, help: 'The file of the private seed'},
    {name: 'public', help: 'A file for the public key'},
  ],
  flags: [
    {name: 'force', short: 'f', kind: 'boolean', help: 'Replaces a seed that is there already'},
    {name: 'show-public', kind: 'boolean', help: 'Shows the public key of a seed that is there instead of making one'},
  ],
  run: async () => (await import('./jwt-keys-run.ts')).runJwtKeys,
};

const clientCommand: CommandSpec = {
  name: 'client',
  aliases: ['c'],
  help: 'Creates a token for a client',
  arguments: [
    fileArgument,
    {name: 'identity', required: true, help: 'The caller id of the user, such as up=bob'},
    signingKeyArgument,
  ],
  flags: [
    {name: 'agents', kind: 'string', repeatable: true, help: 'An agent, or agent and action, that the user may use'},
    organizationFlag,
    {name: 'opa-file', kind: 'file', help: 'File with an Open Policy Agent policy for the user'},
    {name: 'opa', kind: 'string', help: 'An Open Policy Agent policy for the user, as text'},
    validityFlag('1h'),
    {name: 'public-key', kind: 'string', help: 'Public Ed25519 key of the user, in hex or in a file'},
    {name: 'stream-admin', kind: 'boolean', help: 'Lets the user manage and use Choria Streams'},
    {name: 'stream-user', kind: 'boolean', help: 'Lets the user use Choria Streams'},
    {name: 'event-viewer', kind: 'boolean', help: 'Lets the user view events'},
    {name: 'elections-user', kind: 'boolean', help: 'Lets the user take part in elections'},
    {name: 'service', kind: 'boolean', help: 'The token may be valid for a long time'},
    {name: 'system', kind: 'boolean', help: "Lets the user into the broker's system account"},
    {name: 'auth-delegation', kind: 'boolean', help: 'Lets the user sign requests for others'},
    {
      name: 'fleet-management',
      kind: 'boolean',
      negatable: true,
      default: 'true',
      help: 'Lets the user send requests to the fleet',
    },
    {
      name: 'signed-fleet-management',
      kind: 'boolean',
      help: 'Requests to the fleet have to be signed by an authority, such as the AAA service',
    },
    {name: 'org-admin', kind: 'boolean', help: 'Lets the user into everything on the broker'},
    {name: 'publish', kind: 'string', repeatable: true, help: 'A further subject that the user may publish to'},
    {name: 'subscribe', kind: 'string', repeatable: true, help: 'A further subject that the user may subscribe to'},
    {name: 'issuer', kind: 'boolean', help: 'Lets the holder sign tokens of others in a chain of trust'},
    {name: 'server-provisioner', kind: 'boolean', help: 'Lets the user provision servers'},
    {name: 'governor', kind: 'boolean', help: 'Lets the user use all governors'},
    vaultFlag,
  ],
  run: async () => (await import('./jwt-issue-run.ts')).runJwtClient,
};

const serverCommand: CommandSpec = {
  name: 'server',
  aliases: ['s'],
  help: 'Creates a token for a server',
  arguments: [
    fileArgument,
    {name: 'identity', required: true, help: 'The identity of the server'},
    {name: 'public-key', required: true, help: 'Public Ed25519 key of the server, in hex or in a file'},
    signingKeyArgument,
  ],
  flags: [
    {
      name: 'collectives',
      kind: 'string',
      repeatable: true,
      default: 'mcollective',
      help: 'A collective that the server may join',
    },
    organizationFlag,
    {name: 'subjects', kind: 'string', repeatable: true, help: 'A further subject that the server may publish to'},
    {name: 'submission', kind: 'boolean', help: 'Lets the server publish by Choria Submission'},
    {name: 'stream-user', kind: 'boolean', help: 'Lets the server use Choria Streams'},
    validityFlag('8760h'),
    {name: 'service', kind: 'boolean', help: 'Lets the server host services'},
    vaultFlag,
    {name: 'governor', kind: 'boolean', help: 'Lets the server use all governors; needs --stream-user'},
  ],
  run: async () => (await import('./jwt-issue-run.ts')).runJwtServer,
};

const provisioningCommand: CommandSpec = {
  name: 'provisioning',
  aliases: ['prov', 'provision', 'p'],
  help: 'Creates a token for provisioning servers',
  arguments: [fileArgument, signingKeyArgument],
  flags: [
    {
      name: 'insecure',
      kind: 'boolean',
      negatable: true,
      default: 'true',
      help: 'Messages are not signed during provisioning',
    },
    {name: 'token', kind: 'string', help: 'Secret of the provisioning agent; asked for when it is not given'},
    {name: 'urls', kind: 'string', repeatable: true, help: 'A broker to connect to for provisioning'},
    {name: 'srv', kind: 'string', help: 'Domain whose SRV records name the brokers for provisioning'},
    {name: 'default', kind: 'boolean', help: 'Servers provision themselves unless told otherwise'},
    {name: 'registration', kind: 'string', help: 'File that is published as registration data'},
    {name: 'facts', kind: 'string', help: 'File of facts during provisioning'},
    {name: 'username', kind: 'string', help: 'User name for the broker of provisioning'},
    {name: 'password', kind: 'string', help: 'Password for the broker of provisioning'},
    {name: 'extensions', kind: 'string', valueName: 'JSON', help: 'Further content of the token, a JSON object'},
    organizationFlag,
    vaultFlag,
    {name: 'protocol-v2', kind: 'boolean', help: 'Servers use version 2 of the protocol'},
    {name: 'update', kind: 'boolean', hidden: true, help: 'The provisioner may upgrade servers'},
    {name: 'upgrade', kind: 'boolean', help: 'The provisioner may upgrade servers'},
    validityFlag('1y'),
  ],
  run: async () => (await import('./jwt-issue-run.ts')).runJwtProvisioning,
};

const viewCommand: CommandSpec = {
  name: 'view',
  // The letter of `server` too, which wins by standing first.
  aliases: ['show', 'v', 's'],
  isDefault: true,
  help: 'Shows a token, and checks who signed it',
  arguments: [fileArgument, {name: 'public', help: 'Public key that must have signed it, in hex or in a file'}],
  flags: [{name: 'json', kind: 'boolean', help: 'Shows the content of the token as JSON'}],
  run: async () => (await import('./jwt-view-run.ts')).runJwtView,
};

const checkCommand: CommandSpec = {
  name: 'check',
  help: 'Checks a token for monitoring systems',
  arguments: [fileArgument],
  flags: [
    {
      name: 'purpose',
      kind: 'enum',
      values: ['client', 'server', 'provisioning'],
      help: 'The token must be of this kind (client, server, provisioning)',
    },
    {name: 'validity-min', kind: 'duration', valueName: 'DURATION', help: 'The token must be valid for longer'},
    {name: 'validity-max', kind: 'duration', valueName: 'DURATION', help: 'The token must not be valid for longer'},
    {name: 'chain-issuer', kind: 'boolean', negatable: true, help: 'The token must, or must not, be of a chain issuer'},
    {
      name: 'issuer',
      kind: 'string',
      valueName: 'PUBK',
      help: 'Public key that must have signed it, directly or by a chain',
    },
    {name: 'client-opa', kind: 'boolean', help: 'The token must hold an Open Policy Agent policy'},
    {
      name: 'sub',
      kind: 'string',
      repeatable: true,
      valueName: 'SUBJECT',
      help: 'A further subject that must be subscribable',
    },
    {
      name: 'pub',
      kind: 'string',
      repeatable: true,
      valueName: 'SUBJECT',
      help: 'A further subject that must be publishable',
    },
    {name: 'identity', kind: 'string', help: 'The identity or caller id that it must hold'},
    {name: 'query', kind: 'string', repeatable: true, help: 'An expression over the content that must be true'},
    {
      name: 'format',
      kind: 'enum',
      values: ['nagios', 'json', 'prometheus', 'text'],
      default: 'nagios',
      help: 'The form of the output (nagios, json, prometheus, text)',
    },
  ],
  run: async () => (await import('./jwt-check-run.ts')).runJwtCheck,
};

export const jwtCommand: CommandSpec = {
  name: 'jwt',
  help: 'Creates, shows and checks tokens',
  commands: [keysCommand, clientCommand, serverCommand, provisioningCommand, viewCommand, checkCommand],
};
