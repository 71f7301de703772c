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
  'plugin.choria.agent_provider.mcorpc.workers': {
    type: 'boolean',
    default: 'true',
    usedBy: ['server'],
    doc: 'Keeps Ruby agents loaded in a process of their own, so that a call takes milliseconds. Where that cannot be done, and without it, each call starts the program of plugin.choria.agent_provider.mcorpc.agent_shim.',
  },
  'plugin.choria.agent_provider.mcorpc.workers.idle': {
    type: 'duration',
    default: '10m',
    usedBy: ['server'],
    doc: 'A process that holds a Ruby agent and was not called for this long is ended. 0 keeps it.',
  },
  'plugin.choria.agent_provider.mcorpc.workers.calls_max': {
    type: 'integer',
    default: '10000',
    usedBy: ['server'],
    doc: 'A process that holds a Ruby agent is replaced after this many calls.',
  },
  'plugin.choria.agent_provider.mcorpc.workers.age_max': {
    type: 'duration',
    default: '12h',
    usedBy: ['server'],
    doc: 'A process that holds a Ruby agent is replaced when it is older than this.',
  },
  'plugin.choria.agent_provider.mcorpc.workers.memory_megabytes': {
    type: 'integer',
    default: '1024',
    usedBy: ['server'],
    doc: 'A call of a Ruby agent that uses more memory than this, in MiB, is ended and answered with a failure. 0 sets no limit.',
  },
  'plugin.choria.server.agents': {
    type: 'path_split',
    usedBy: ['server'],
    doc: 'Directories of agents written in TypeScript or JavaScript: NAME.mjs, NAME.js, or NAME with an index file. They are loaded, replaced and removed while the server runs. Repeated lines add to the list.',
  },
  'plugin.choria.server.agents.concurrency': {
    type: 'integer',
    default: '16',
    usedBy: ['server'],
    doc: 'How many calls of one agent of plugin.choria.server.agents run at the same time.',
  },
  'plugin.choria.server.agents.idle': {
    type: 'duration',
    default: '10m',
    usedBy: ['server'],
    doc: 'The process of an agent of plugin.choria.server.agents that was not called for this long is ended, and started again with the next call. 0 keeps it.',
  },
  'plugin.choria.server.agents.memory_megabytes': {
    type: 'integer',
    default: '128',
    usedBy: ['server'],
    doc: 'How large the JavaScript heap of an agent of plugin.choria.server.agents may become, in MiB. Its process is ended when it uses twice as much in all.',
  },
  'plugin.rpcaudit.logfile.max_megabytes': {
    type: 'integer',
    default: '0',
    usedBy: ['server'],
    doc: 'The audit log is moved aside before it would grow beyond this many megabytes. 0 leaves rotation to other programs.',
  },
  'plugin.rpcaudit.logfile.keep': {
    type: 'integer',
    default: '5',
    usedBy: ['server'],
    doc: 'How many audit logs that were moved aside are kept, as FILE.1 (the newest), FILE.2 and so on.',
  },
  'plugin.choria.network.audit_logfile': {
    type: 'path_string',
    usedBy: ['broker'],
    doc: 'File to which the broker writes one JSON line for each decision about a connection: who was let in or refused, and why. When a line cannot be written, nobody is let in.',
  },
  'plugin.regopolicy.opa': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'The opa program that compiles Rego policies. Without it, opa is looked for on the PATH. Not needed for policies that are given compiled.',
  },
  'plugin.choria.network.open_certificates': {
    type: 'boolean',
    default: 'false',
    usedBy: ['broker'],
    doc: 'Lets every certificate of the authority publish and subscribe to everything, as older brokers do. Without it a node can act as itself only, and only callers can send requests.',
  },
  'plugin.choria.security.revocation_file': {
    type: 'path_string',
    usedBy: ['broker', 'server'],
    doc: 'File that lists what was taken back before its time, one a line: "certificate SERIAL-OR-SHA256", "token ID", "key PUBLIC-KEY", "identity NAME", "caller CALLER-ID". It is read again when it changes; brokers cut connections that it names within a second, servers refuse requests of callers that it names.',
  },
  'plugin.choria.security.unsigned_replies': {
    type: 'boolean',
    default: 'false',
    usedBy: ['client'],
    doc: 'Accepts replies of protocol version 2 that are not signed by the server they name, as older clients do. Without it they are dropped with a warning.',
  },
  'plugin.choria.security.request_signer.ca': {
    type: 'path_string',
    usedBy: ['client'],
    doc: 'Authority, in PEM text, that vouches for the certificate of the service that logs users in and signs requests. Without it the authority of the security provider does; where there is none either, nobody can log in, and the certificate of the signer is not verified.',
  },
  'plugin.security.crl_file': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Certificate revocation lists of the authority in PEM text, for the providers file and puppet: one for each authority of the chain. Connections with certificates that they name are refused, and so are requests that were signed with them. A list that is missing for an authority, or has ended, refuses too. It is read again when it changes.',
  },
  'plugin.security.pkcs11.pin_file': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'File with the user PIN of the PKCS#11 device, for programs that run by themselves; it should belong to its owner alone. Without it the PIN is asked for at the terminal.',
  },
  'plugin.security.pkcs11.module': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Folder of the Node module graphene-pk11 (2.3.6), through which the provider pkcs11 talks to devices. Without it the module is looked for beside this program. It is no part of the program, because it is compiled when it is installed.',
  },
  'plugin.choria.network.engine': {
    type: 'string',
    default: 'embedded',
    allowed: ['embedded', 'nats-server'],
    usedBy: ['broker'],
    doc: 'What carries the messages: "embedded" is part of this program and enough for one machine; "nats-server" is the program of that name, run and configured by this one, for clusters, gateways, leaf nodes and streams.',
  },
  'plugin.choria.network.nats_server': {
    type: 'path_string',
    usedBy: ['broker'],
    doc: 'The program nats-server for the engine of that name. Without it, it is looked for on the PATH, in GOBIN, GOPATH/bin, ~/.local/bin and ~/go/bin.',
  },
  'plugin.choria.network.certificates_beside_tokens': {
    type: 'boolean',
    default: 'false',
    usedBy: ['broker'],
    doc: 'With the engine "nats-server" and tokens, also lets connections in by certificate, as the embedded engine does. They then go through this process, which costs throughput. With a provider of certificates it is always so.',
  },
  'plugin.choria.network.websocket_origins': {
    type: 'comma_split',
    usedBy: ['broker'],
    doc: 'Web pages of only these origins, such as https://console.example.net, may connect by WebSocket. Without it pages of any origin may. Programs that are no browsers send no origin and are not concerned.',
  },
  'plugin.choria.network.websocket_same_origin': {
    type: 'boolean',
    default: 'false',
    usedBy: ['broker'],
    doc: 'Web pages may connect by WebSocket only to the host and port that they came from.',
  },
  'plugin.choria.network.open_routes': {
    type: 'boolean',
    default: 'false',
    usedBy: ['broker'],
    doc: 'Lets brokers form a cluster without plugin.choria.network.peer_password. Any certificate of the authority can then join as a broker.',
  },
  'plugin.choria.client.state_directory': {
    type: 'path_string',
    usedBy: ['client'],
    doc: 'Directory for what a client remembers: which nodes were silent or failed in its last requests (for choria why), and ramps that were interrupted (for req --resume). Without it choria in XDG_STATE_HOME or ~/.local/state. Inputs and answers are never written there.',
  },
  'plugin.choria.client.confirm_above': {
    type: 'integer',
    default: '0',
    usedBy: ['client'],
    doc: 'A request that may change things and reaches more nodes than this is sent only after a person said yes, or with --yes. 0 never asks.',
  },
  'plugin.choria.mco_style': {
    type: 'string',
    default: 'current',
    allowed: ['current', 'classic'],
    usedBy: ['client'],
    doc: 'What the name mco looks like: current as the Ruby client of Choria, which shows requests as choria req does, classic as MCollective 2.12 for scripts that read its output.',
  },
  'plugin.choria.client.max_nodes': {
    type: 'integer',
    default: '0',
    usedBy: ['client'],
    doc: 'The most nodes that one request may reach. 0 sets no ceiling. It guards against mistakes: whoever can write the configuration can raise it.',
  },
  'plugin.choria.client.ceilings': {
    type: 'comma_split',
    usedBy: ['client'],
    doc: 'The most nodes that one request of a caller may reach: entries such as choria=alice.mcollective:100 or /^choria=ops-/:500, separated by commas; the first that fits counts.',
  },
} as const satisfies KeySpecs;
