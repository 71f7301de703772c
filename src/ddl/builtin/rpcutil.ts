/** What every node tells about itself. */
import {input, output, summary, textInput, type AgentForm} from './build.ts';

const count = (title: string, description: string): ReturnType<typeof output> =>
  output('integer', title, {description});

export const rpcutil: AgentForm = {
  name: 'rpcutil',
  description: 'Reports the state, configuration and knowledge of a running server',
  timeout: 2,
  actions: {
    ping: {
      description: 'Answers with the time of the node',
      display: 'always',
      output: {pong: output('number', 'Timestamp', {description: 'Seconds since 1970 on the node'})},
    },
    inventory: {
      description: 'Everything a node knows about itself: agents, facts, classes, collectives',
      display: 'always',
      output: {
        agents: output('array', 'Agents', {description: 'Names of the agents'}),
        facts: output('hash', 'Facts', {description: 'All facts'}),
        classes: output('array', 'Classes', {description: 'Configuration management classes'}),
        version: output('string', 'Version', {description: 'Version of the server'}),
        main_collective: output('string', 'Main Collective', {description: 'The collective used by default'}),
        collectives: output('array', 'All Collectives', {description: 'Every collective the node is in'}),
        data_plugins: output('array', 'Data Plugins', {description: 'Names of the data plugins'}),
        machines: output('hash', 'Machines', {description: 'Autonomous agents that run'}),
        upgradable: output('boolean', 'Upgradable', {
          description: 'Whether the server can replace itself',
          default: false,
        }),
      },
    },
    agent_inventory: {
      description: 'Metadata of every agent',
      display: 'always',
      output: {agents: output('array', 'Agents', {description: 'One entry for each agent'})},
    },
    collective_info: {
      description: 'The collectives of a node',
      display: 'always',
      output: {
        main_collective: output('string', 'Main Collective', {description: 'The collective used by default'}),
        collectives: output('array', 'All Collectives', {description: 'Every collective the node is in'}),
      },
      aggregate: [summary('collectives')],
    },
    daemon_stats: {
      description: 'Counters and the process of the server',
      display: 'always',
      output: {
        threads: output('array', 'Threads', {description: 'What runs the server'}),
        agents: output('array', 'Agents', {description: 'Names of the agents'}),
        pid: count('PID', 'Process id'),
        times: output('hash', 'Times', {description: 'Processor time used'}),
        validated: count('Security Validated', 'Requests that passed every check'),
        unvalidated: count('Failed Security', 'Messages that failed a security check'),
        passed: count('Passed Filter', 'Requests whose filter matched this node'),
        filtered: count('Failed Filter', 'Requests meant for other nodes'),
        starttime: count('Start Time', 'When the server started, in seconds since 1970'),
        total: count('Total Messages', 'Messages received'),
        replies: count('Replies', 'Replies sent'),
        configfile: output('string', 'Config File', {description: 'The main configuration file'}),
        version: output('string', 'Version', {description: 'Version of the server'}),
        ttlexpired: count('TTL Expired', 'Requests that came too late'),
        events: count('Events', 'Lifecycle events published'),
      },
      aggregate: [summary('version'), summary('agents')],
    },
    get_config_item: {
      description: 'One setting of the running configuration',
      display: 'always',
      input: {
        item: textInput('Configuration Item', 'Name of the setting as in the configuration file', {
          validation: '^.+$',
          maxlength: 120,
        }),
      },
      output: {
        item: output('string', 'Property', {description: 'The setting asked for'}),
        value: output('', 'Value', {description: 'What the server uses'}),
      },
      aggregate: [summary('value')],
    },
    get_data: {
      description: 'Asks a data plugin',
      display: 'always',
      input: {
        source: textInput('Data Source', 'Name of the data plugin', {validation: '^\\w+$', maxlength: 50}),
        query: textInput('Query', 'What to ask it, where it takes a question', {
          validation: '^.+$',
          maxlength: 200,
          optional: true,
        }),
      },
    },
    get_fact: {
      description: 'One fact of a node',
      display: 'always',
      input: {
        fact: textInput('The name of the fact', 'Path of the fact, such as os.family', {
          validation: '.+',
          maxlength: 512,
        }),
      },
      output: {
        fact: output('string', 'Fact', {description: 'The fact asked for'}),
        value: output('', 'Value', {description: 'Its value, null when there is none'}),
      },
      aggregate: [summary('value')],
    },
    get_facts: {
      description: 'Several facts of a node',
      display: 'always',
      input: {
        facts: textInput('Comma-separated list of facts to retrieve', 'Paths with commas between them', {
          validation: '^\\s*[\\w\\.\\-]+(\\s*,\\s*[\\w\\.\\-]+)*$',
          maxlength: 200,
        }),
      },
      output: {values: output('hash', 'Values', {description: 'Values by path'})},
    },
  },
};

export const executor: AgentForm = {
  name: 'executor',
  description: 'Watches and signals commands that run in the background of a node',
  timeout: 20,
  provider: 'golang',
  actions: {
    status: {
      description: 'State of one job',
      display: 'always',
      input: {id: textInput('Job ID', 'The id that starting the job gave', {validation: '.', maxlength: 20})},
      output: {
        command: output('string', 'Command', {description: 'The program'}),
        args: output('string', 'Arguments', {description: 'Its arguments'}),
        action: output('string', 'Action', {description: 'The action that started it'}),
        agent: output('string', 'Agent', {description: 'The agent that started it'}),
        caller: output('string', 'Caller', {description: 'Who asked for it'}),
        exit_code: count('Exit Code', 'How it ended'),
        exit_reason: output('string', 'Exit Reason', {description: 'Why it could not run or was stopped'}),
        pid: count('Pid', 'Its process id'),
        requestid: output('string', 'Request ID', {description: 'The request that started it'}),
        running: output('boolean', 'Running', {description: 'Whether it runs now'}),
        started: output('boolean', 'Started', {description: 'Whether it was started'}),
        start_time: output('string', 'Started', {description: 'When it was started'}),
        terminate_time: output('string', 'Terminated', {description: 'When it ended'}),
        stdout_bytes: count('STDOUT Bytes', 'Bytes written to standard output'),
        stderr_bytes: count('STDERR Bytes', 'Bytes written to standard error'),
      },
    },
    signal: {
      description: 'Sends a signal to a job',
      display: 'always',
      input: {
        id: textInput('Job ID', 'The id that starting the job gave', {validation: '.', maxlength: 20}),
        signal: input('integer', 'Signal', {description: 'Number of the signal'}),
      },
      output: {
        pid: count('PID', 'The process that was signalled'),
        running: output('boolean', 'Running', {description: 'Whether it ran before the signal'}),
      },
    },
    list: {
      description: 'Jobs of a node, all that match every condition given',
      display: 'always',
      input: {
        action: textInput('Action', 'Started by this action', {validation: '^[\\w]+$', maxlength: 20, optional: true}),
        agent: textInput('Agent', 'Started by this agent', {validation: '^[\\w]+$', maxlength: 20, optional: true}),
        before: input('integer', 'Before', {
          description: 'Started before this time, in seconds since 1970',
          optional: true,
        }),
        caller: textInput('Caller', 'Started for this caller', {validation: '.', maxlength: 50, optional: true}),
        command: textInput('Command', 'Running this program', {validation: '.', maxlength: 256, optional: true}),
        completed: input('boolean', 'Completed', {description: 'Only those that ended', optional: true}),
        identity: textInput('Identity', 'Started from this identity', {
          validation: '.',
          maxlength: 256,
          optional: true,
        }),
        requestid: textInput('Request', 'Started by this request', {validation: '.', maxlength: 20, optional: true}),
        running: input('boolean', 'Running', {description: 'Only those that run', optional: true}),
        since: input('integer', 'Since', {
          description: 'Started after this time, in seconds since 1970',
          optional: true,
        }),
      },
      output: {jobs: output('hash', 'Jobs', {description: 'Jobs by id'})},
    },
  },
};
