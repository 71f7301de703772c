import type {CommandSpec, FlagSpec} from '../types.ts';
import {serverCommand} from './broker-server.ts';
import {configFlag} from './flags.ts';

const headerFlag: FlagSpec = {
  name: 'header',
  short: 'H',
  kind: 'string',
  repeatable: true,
  valueName: 'K:V',
  help: 'Add a header to the message',
};
const jsonFlag: FlagSpec = {name: 'json', short: 'j', kind: 'boolean', help: 'Produce JSON output'};

export const brokerCommand: CommandSpec = {
  name: 'broker',
  aliases: ['b'],
  help: 'Run a Choria network broker, look into it and send messages through it',
  flags: [
    {name: 'choria-config', kind: 'file', valueName: 'FILE', hidden: true, help: 'Configuration file to use'},
    {name: 'connect-timeout', kind: 'duration', default: '5s', help: 'Connection timeout'},
  ],
  commands: [
    {
      name: 'account',
      aliases: ['a'],
      help: 'What the broker knows of this user',
      commands: [
        {
          name: 'info',
          aliases: ['nfo'],
          help: 'Show whom the broker takes this user for',
          flags: [{...configFlag, hidden: true}],
          run: async () => (await import('./broker-account-run.ts')).runBrokerAccountInfo,
        },
      ],
    },
    {
      name: 'events',
      aliases: ['event', 'e'],
      help: 'Show connections that come, go and are refused, until interrupted; needs the credentials of the system account',
      flags: [
        configFlag,
        jsonFlag,
        {name: 'count', kind: 'integer', help: 'Quit after this many events'},
        {name: 'subjects', kind: 'string', repeatable: true, help: 'Show events on these subjects'},
      ],
      run: async () => (await import('./broker-messages-run.ts')).runBrokerEvents,
    },
    {
      name: 'plugins',
      help: 'Programs that bring further sub commands of "choria broker"',
      commands: [
        {
          name: 'register',
          help: 'Makes a program a sub command; the nats program of this user has it too',
          arguments: [
            {name: 'name', required: true, help: 'The name of the sub command'},
            {name: 'command', required: true, kind: 'file', help: 'The program; it has to know --fisk-introspect'},
          ],
          flags: [{name: 'force', kind: 'boolean', help: 'Replaces what is registered by that name'}],
          run: async () => {
            const {runPluginsRegister} = await import('./broker-plugins-run.ts');
            const taken = (brokerCommand.commands ?? []).flatMap(({name, aliases = []}) => [name, ...aliases]);
            return (context, parsed) => runPluginsRegister(context, parsed, {taken});
          },
        },
      ],
    },
    {
      name: 'publish',
      aliases: ['pub'],
      help: 'Publish messages',
      flags: [
        configFlag,
        {name: 'reply', kind: 'string', valueName: 'SUBJECT', help: 'Set a reply subject'},
        headerFlag,
        {name: 'count', kind: 'integer', default: '1', help: 'Publish this many messages'},
        {name: 'quiet', short: 'q', kind: 'boolean', help: 'Show no progress'},
      ],
      arguments: [
        {name: 'subject', required: true, help: 'Subject to publish to'},
        {name: 'body', help: 'Message body; standard input without it'},
      ],
      run: async () => (await import('./broker-messages-run.ts')).runBrokerPublish,
    },
    {
      name: 'reply',
      help: 'Answer requests, until interrupted',
      flags: [
        configFlag,
        {name: 'echo', kind: 'boolean', help: 'Echo back what is received'},
        {name: 'queue', short: 'q', kind: 'string', default: 'NATS-RPLY-22', help: 'Queue group name'},
        headerFlag,
        {name: 'count', kind: 'integer', help: 'Quit after this many messages'},
      ],
      arguments: [
        {name: 'subject', required: true, help: 'Subject to listen on'},
        {name: 'body', help: 'Reply body'},
      ],
      run: async () => (await import('./broker-messages-run.ts')).runBrokerReply,
    },
    {
      name: 'request',
      aliases: ['req'],
      help: 'Send a request and show its replies',
      flags: [
        configFlag,
        {name: 'raw', short: 'r', kind: 'boolean', help: 'Show just the output received'},
        headerFlag,
        {name: 'replies', kind: 'integer', default: '1', help: 'Wait for this many replies; 0 waits until the timeout'},
        {name: 'reply-timeout', kind: 'duration', default: '300ms', help: 'Maximum time between several replies'},
        {name: 'timeout', kind: 'duration', default: '5s', help: 'Time to wait for the first reply'},
      ],
      arguments: [
        {name: 'subject', required: true, help: 'Subject to send to'},
        {name: 'body', help: 'Message body; standard input without it'},
      ],
      run: async () => (await import('./broker-messages-run.ts')).runBrokerRequest,
    },
    {
      name: 'rtt',
      help: 'Measure the round trip to each broker',
      flags: [
        configFlag,
        jsonFlag,
        {name: 'iterations', kind: 'integer', default: '5', help: 'Round trips to measure'},
      ],
      run: async () => (await import('./broker-rtt-run.ts')).runBrokerRtt,
    },
    {
      name: 'run',
      help: 'Run a broker in the foreground',
      flags: [
        {name: 'config', kind: 'file', valueName: 'FILE', help: 'Configuration file of the broker'},
        {name: 'disable-tls', kind: 'boolean', hidden: true, default: 'false', help: 'Serve without TLS'},
        {
          name: 'disable-ssl-verification',
          kind: 'boolean',
          hidden: true,
          default: 'false',
          help: 'Do not check the certificates of clients and peers',
        },
        {name: 'pid', kind: 'string', help: 'Write the process id to this file'},
      ],
      run: async () => (await import('./broker-run-run.ts')).runBrokerRun,
    },
    serverCommand,
    {
      name: 'subscribe',
      aliases: ['sub'],
      help: 'Show messages as they come, until interrupted',
      flags: [
        configFlag,
        {name: 'queue', kind: 'string', help: 'Subscribe to a named queue group'},
        {name: 'raw', short: 'r', kind: 'boolean', help: 'Show the raw data received'},
        {name: 'count', kind: 'integer', help: 'Quit after this many messages'},
        {name: 'headers-only', kind: 'boolean', help: 'Show only headers, no data'},
        {name: 'subjects-only', kind: 'boolean', help: "Show only the messages' subjects"},
        {name: 'wait', kind: 'duration', help: 'Quit after this time without a message'},
      ],
      arguments: [{name: 'subjects', required: true, repeatable: true, help: 'Subjects to subscribe to'}],
      run: async () => (await import('./broker-messages-run.ts')).runBrokerSubscribe,
    },
    {
      name: 'top',
      help: 'Show the connections of a broker, again and again; needs the credentials of the system account',
      flags: [
        {name: 'conns', short: 'n', kind: 'integer', default: '1024', help: 'Show at most this many connections'},
        {name: 'interval', short: 'd', kind: 'integer', default: '1', help: 'Seconds between two looks'},
        {
          name: 'sort',
          kind: 'enum',
          values: ['cid', 'subs', 'msgs_to', 'msgs_from', 'bytes_to', 'bytes_from'],
          default: 'cid',
          help: 'Sort by this property',
        },
        {name: 'output', short: 'o', kind: 'string', help: 'Write the first look to this file and quit'},
        {name: 'raw', short: 'b', kind: 'boolean', help: 'Show bytes as plain numbers'},
        {name: 'max-refresh', short: 'r', kind: 'integer', default: '-1', help: 'Quit after this many looks'},
        {name: 'subs', kind: 'boolean', help: 'Show the subjects of each connection'},
        {...configFlag, hidden: true},
      ],
      arguments: [{name: 'name', required: true, help: 'The name of the broker'}],
      run: async () => (await import('./broker-top-run.ts')).runBrokerTop,
    },
    {
      name: 'trace',
      help: 'Follow a message through the brokers, to see who would get it',
      flags: [
        configFlag,
        jsonFlag,
        {name: 'deliver', kind: 'boolean', help: 'Give the message to those who would get it'},
        {name: 'timestamp', short: 'T', kind: 'boolean', help: 'Show how much later each thing happened'},
        {...headerFlag, help: 'Add a header to the message that is traced'},
      ],
      arguments: [
        {name: 'subject', required: true, help: 'Subject to publish to'},
        {name: 'payload', help: 'Message body'},
      ],
      run: async () => (await import('./broker-trace-run.ts')).runBrokerTrace,
    },
    {
      name: 'traffic',
      help: 'Count messages by their kind, second by second, until interrupted',
      flags: [configFlag, jsonFlag, {name: 'count', kind: 'integer', help: 'Quit after this many seconds'}],
      arguments: [{name: 'subjects', help: 'Subjects to listen to; everything without it'}],
      run: async () => (await import('./broker-traffic-run.ts')).runBrokerTraffic,
    },
  ],
};
