import type {CommandSpec} from '../types.ts';
import {configFlag, discoveryFlags, filterFlags, nodesFlag} from './flags.ts';

const reqCheat = `# which actions an agent has, and what they take
choria plugin doc service

# one action on every node that has the agent, then on some of them
choria req service status service=httpd
choria req service status service=httpd -C /apache/

# ten nodes at a time, half a minute apart
choria req service restart service=httpd --batch 10 --batch-sleep 30

# names of the nodes whose reply says something
choria req service status service=httpd --filter-replies 'ok() && data("status") != "running"' --senders

# only failures, all replies, a table, JSON
choria req service status service=httpd --display failed
choria req service status service=httpd --display all
choria req service status service=httpd --table
choria req service status service=httpd --json

# the nodes of a file, with those that did not answer
choria req service status service=httpd --nodes nodes.txt
`;

export const reqCommand: CommandSpec = {
  name: 'req',
  aliases: ['rpc', 'request'],
  help: 'Invoke an action of an agent on many nodes',
  flags: [
    configFlag,
    {name: 'json', short: 'j', kind: 'boolean', help: 'Produce one JSON document'},
    {name: 'jsonl', kind: 'boolean', help: 'Produce one JSON object a line'},
    {name: 'table', kind: 'boolean', help: 'Show successful replies as a table'},
    {name: 'senders', kind: 'boolean', help: 'Show only the names of nodes that answered successfully'},
    ...filterFlags,
    nodesFlag,
    ...discoveryFlags,
    {name: 'federations', kind: 'string', help: 'Comma separated list of federations to reach'},
    {name: 'limit', kind: 'string', help: 'Ask only some of the nodes, such as 10 or 10%'},
    {
      name: 'limit-seed',
      kind: 'integer',
      valueName: 'SEED',
      help: 'Makes a random limit choose the same nodes each time',
    },
    {name: 'batch', kind: 'integer', valueName: 'SIZE', help: 'Ask this many nodes at a time'},
    {name: 'batch-sleep', kind: 'integer', valueName: 'SECONDS', help: 'Seconds between batches'},
    {
      name: 'workers',
      kind: 'integer',
      default: '3',
      help: 'Accepted for compatibility; one connection receives everything',
    },
    {name: 'np', kind: 'boolean', help: 'Show no progress bar'},
    {name: 'verbose', short: 'v', kind: 'boolean', help: 'Show all data and more statistics'},
    {
      name: 'display',
      kind: 'enum',
      values: ['ok', 'failed', 'all', 'none'],
      help: 'Show only some of the replies (ok, failed, all, none)',
    },
    {name: 'output-file', short: 'o', kind: 'string', valueName: 'FILENAME', help: 'Write the results to a file'},
    {
      name: 'filter-replies',
      kind: 'string',
      valueName: 'EXPR',
      help: 'Show only replies for which an expression is true',
    },
    {
      name: 'reply-to',
      short: 'r',
      kind: 'string',
      valueName: 'TARGET',
      help: 'Have replies sent to a subject of your own',
    },
    {name: 'sort', kind: 'boolean', help: 'Sort replies by the name of the node'},
    {name: 'plan', kind: 'boolean', help: 'Show what would be sent to whom, and send nothing'},
    {name: 'canary', kind: 'string', valueName: 'NODES', help: 'Ask this many nodes first, such as 1 or 2%'},
    {
      name: 'ramp',
      kind: 'string',
      valueName: 'STEPS',
      help: 'Reach the nodes in steps, such as 1,5,25%,100%',
    },
    {
      name: 'stop-on-failures',
      kind: 'string',
      valueName: 'NODES',
      help: 'Start no further step once this many nodes failed or were silent, such as 3 or 10%',
    },
    {
      name: 'quorum',
      kind: 'string',
      valueName: 'PERCENT',
      help: 'Send only when this part of the nodes answers a ping, such as 90%',
    },
    {name: 'max-nodes', kind: 'integer', valueName: 'NODES', help: 'Refuse to reach more nodes than this'},
    {name: 'yes', kind: 'boolean', help: 'Do not ask before changing many nodes'},
    {name: 'resume', kind: 'file', valueName: 'FILE', help: 'Go on with a ramp that was interrupted or stopped'},
  ],
  arguments: [
    {name: 'agent', required: true, help: 'The agent to invoke'},
    {name: 'action', required: true, help: 'The action to invoke'},
    {name: 'args', kind: 'map', repeatable: true, help: 'Inputs of the action as key=value'},
  ],
  cheat: {label: 'req', text: reqCheat},
  run: async () => (await import('./req-run.ts')).runReq,
};
