/** `choria emulate`. */
import type {CommandSpec} from '../types.ts';

export const emulateCommand: CommandSpec = {
  name: 'emulate',
  help: 'Runs many real servers in one process, for tests and studies',
  flags: [
    {name: 'config', kind: 'string', placeholder: 'FILE', help: 'Configuration file of the servers'},
    {name: 'count', kind: 'integer', default: '10', help: 'How many servers to run'},
    {name: 'first', kind: 'integer', default: '0', help: 'Number of the first server, for several processes'},
    {
      name: 'identity',
      kind: 'string',
      placeholder: 'TEMPLATE',
      default: 'emulated-{n:5}.example.net',
      help: 'Name of each server; {n} is its number, {n:5} the number with five digits, {pick:a|b} one of a list',
    },
    {
      name: 'fact',
      kind: 'map',
      repeatable: true,
      placeholder: 'NAME=TEMPLATE',
      help: 'A fact of every server, such as country={pick:mt|de}',
    },
    {name: 'class', kind: 'string', repeatable: true, placeholder: 'TEMPLATE', help: 'A class of every server'},
    {
      name: 'collective',
      kind: 'string',
      repeatable: true,
      help: 'Collectives in place of those configured; the first is the main one',
    },
    {
      name: 'ca',
      kind: 'string',
      placeholder: 'FILE',
      help: 'Certificate that belongs to --ca-key, when it is not the CA of the configuration',
    },
    {
      name: 'ca-key',
      kind: 'string',
      placeholder: 'FILE',
      help: 'Private key of an authority that issues a certificate for each server',
    },
    {name: 'rate', kind: 'integer', default: '0', help: 'Servers to start in a second, 0 for no limit'},
    {
      name: 'local-address',
      kind: 'string',
      repeatable: true,
      placeholder: 'IP',
      help: 'Connect from these addresses in turn',
    },
    {name: 'pid', kind: 'string', placeholder: 'FILE', help: 'Write running PID to a file'},
    {name: 'metrics', kind: 'duration', help: 'Write counters and memory as a line of JSON this often'},
    {name: 'json', kind: 'boolean', help: 'Write the start-up report as JSON'},
  ],
  run: async () => (await import('./emulate-run.ts')).runEmulate,
};
