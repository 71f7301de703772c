/** `choria study`. */
import type {CommandSpec} from '../types.ts';

export const studyCommand: CommandSpec = {
  name: 'study',
  help: 'Measure whole fleets on this machine: start them, ask them, break them, and report',
  flags: [
    {
      name: 'servers',
      kind: 'integer',
      repeatable: true,
      help: 'Servers of a fleet; given several times, each fleet is studied after the other (1000)',
    },
    {
      name: 'scenario',
      kind: 'string',
      repeatable: true,
      help: 'Only these of discovery, ping, request, directed, broadcast, registration, slow-readers, background, reconnect',
    },
    {name: 'runs', kind: 'integer', default: '5', help: 'How often each request is measured'},
    {
      name: 'engine',
      kind: 'enum',
      values: ['embedded', 'nats-server'],
      help: 'The broker; nats-server when one embedded broker is not enough',
    },
    {name: 'brokers', kind: 'integer', help: 'Brokers, joined to a cluster; as many as their open files demand'},
    {
      name: 'processes',
      kind: 'integer',
      help: 'Processes of emulated servers; one for 2,000, two for more, and one for each 17,000',
    },
    {name: 'tls', kind: 'boolean', negatable: true, default: 'true', help: 'Mutual TLS on every connection'},
    {
      name: 'huge-pages',
      kind: 'boolean',
      help: 'Emulated servers keep their memory in huge pages: less processor time, half as much memory again',
    },
    {
      name: 'output',
      kind: 'string',
      valueName: 'DIRECTORY',
      help: 'Write report.json, report.md and report.html there',
    },
    {name: 'goals', kind: 'boolean', help: "Fail also when a figure misses the project's own goal for its size"},
    {name: 'json', short: 'j', kind: 'boolean', help: 'Write the report as JSON to standard output'},
  ],
  run: async () => (await import('./study-run.ts')).runStudyCommand,
};
