/**
 * The program under its older name: the applications of the Ruby client that scripts still call, in the style of one of its two
 * generations. In the current one `rpc`, `facts` and `inventory` are the commands of `choria` with the same results; in the classic
 * one they look as in MCollective 2.12. Exit codes follow cli.md 1.4.
 */
import {factsCommand} from '../commands/facts.ts';
import {inventoryCommand} from '../commands/inventory.ts';
import {pluginCommand} from '../commands/plugin.ts';
import {reqCommand} from '../commands/req.ts';
import type {ArgumentSpec, CliContext, CommandSpec, FlagSpec, ParsedArguments} from '../types.ts';
import {
  commonOptions,
  filterSection,
  flagsOf,
  generalOptions,
  mcoConfigFlag,
  type OptionSection,
  requestSections,
  rpcOptions,
} from './options.ts';
import type {McoStyle} from './style.ts';

type Run = (context: CliContext, parsed: ParsedArguments) => Promise<number>;

/** A command and what its page shows beside the options of its own. */
export interface Application {
  readonly command: CommandSpec;
  readonly sections: readonly OptionSection[];
  readonly usage?: string;
  /** The line is read as `choria` reads it: a command of that program, or one with commands of its own. */
  readonly isShim?: boolean;
}

/** Failures are told as the Ruby client tells them, whatever the application. */
function application(name: string, load: () => Promise<Run>): () => Promise<Run> {
  return async () => {
    const [run, {reportFailure}] = await Promise.all([load(), import('./failure.ts')]);
    return async (context, parsed) => {
      try {
        return await run(context, parsed);
      } catch (error) {
        return reportFailure(context, {name, error, isVerbose: parsed.flags['verbose'] === true});
      }
    };
  };
}

const callFlags: readonly FlagSpec[] = [
  {name: 'no-results', aliases: ['nr'], kind: 'boolean', help: 'Send the request and wait for nothing'},
  {name: 'agent', short: 'a', kind: 'string', valueName: 'AGENT', help: 'The agent to call'},
  {name: 'action', kind: 'string', valueName: 'ACTION', help: 'The action to call'},
  {
    name: 'argument',
    aliases: ['arg'],
    kind: 'string',
    repeatable: true,
    valueName: 'ARGUMENT',
    help: 'An input of the action, as key=val',
  },
];

const callArguments: readonly ArgumentSpec[] = [
  {name: 'agent', help: 'The agent to call'},
  {name: 'action', help: 'The action to call'},
  {name: 'args', repeatable: true, help: 'Inputs as key=val'},
];

const callUsage =
  'Usage: mco rpc [options] [filters] AGENT ACTION [key=val ...]\n       mco rpc [options] [filters] --agent AGENT --action ACTION [--argument key=val ...]';

/** Flags of a command under the names of both programs. */
function withClassicNames(command: CommandSpec, extra: readonly FlagSpec[] = []): readonly FlagSpec[] {
  const classic = flagsOf(requestSections);
  const own = (command.flags ?? []).map((flag) => {
    if (flag.name === 'config') return mcoConfigFlag;
    const aliases = classic.find((item) => item.name === flag.name)?.aliases;
    return aliases === undefined ? flag : {...flag, aliases};
  });
  const names = new Set(own.map((flag) => flag.name));
  const letters = new Set(own.map((flag) => flag.short));
  const more = [...extra, ...classic.filter((flag) => ['one', 'np', 'no-results'].includes(flag.name))];
  return [
    ...own,
    ...more.filter((flag) => !names.has(flag.name) && (flag.short === undefined || !letters.has(flag.short))),
  ];
}

function completionApplication(program: () => CommandSpec): Application {
  return {
    sections: [],
    command: {
      name: 'completion',
      help: 'Lists what shells complete',
      flags: [
        {name: 'list-agents', kind: 'boolean', help: 'List all known agents'},
        {name: 'list-actions', kind: 'boolean', help: 'List the actions of an agent'},
        {name: 'list-inputs', kind: 'boolean', help: 'List the inputs of an action'},
        {name: 'list-applications', kind: 'boolean', help: 'List all known applications'},
        {name: 'agent', kind: 'string', valueName: 'AGENT', help: 'The agent to look at'},
        {name: 'action', kind: 'string', valueName: 'ACTION', help: 'The action to look at'},
        ...generalOptions,
      ],
      run: application('completion', async () => {
        const [{runMcoCompletion}, {applicationTexts}] = await Promise.all([
          import('./completion-run.ts'),
          import('./list.ts'),
        ]);
        return (context, parsed) => runMcoCompletion(context, {parsed, applications: applicationTexts(program())});
      }),
    },
  };
}

const describeFilterApplication: Application = {
  sections: [filterSection],
  command: {
    name: 'describe_filter',
    help: 'Says in words what filters mean',
    flags: [...generalOptions, ...filterSection.flags],
    run: application('describe_filter', async () => (await import('./describe-filter-run.ts')).runDescribeFilter),
  },
};

const choriaApplication: Application = {
  sections: [],
  usage: 'Usage: mco choria [OPTIONS] <ACTION>\n\n     show_config  - shows what is configured and where',
  command: {
    name: 'choria',
    help: 'Shows how Choria is set up',
    flags: generalOptions,
    arguments: [{name: 'action', help: 'show_config'}],
    run: application('choria', async () => (await import('./choria-run.ts')).runMcoChoria),
  },
};

const federationApplication: Application = {
  sections: [],
  usage: 'Usage: mco federation [OPTIONS] <ACTION>\n\n     trace NODE  - shows the way of a message to a node and back',
  command: {
    name: 'federation',
    help: 'Tools for federations of networks',
    flags: [
      {name: 'target', short: 'T', kind: 'string', valueName: 'COLLECTIVE', help: 'The sub collective of the node'},
      {name: 'timeout', short: 't', kind: 'integer', valueName: 'SECONDS', help: 'How long to wait for the answer'},
      ...generalOptions,
    ],
    arguments: [
      {name: 'command', help: 'trace'},
      {name: 'node', help: 'The node to trace'},
    ],
    run: application('federation', async () => (await import('./federation-run.ts')).runFederation),
  },
};

function findApplication(style: McoStyle): Application {
  return {
    sections: requestSections,
    command: {
      name: 'find',
      help: 'Finds nodes that match filters',
      flags: flagsOf(requestSections),
      run: application('find', async () => {
        const {runMcoFind} = await import('./network-run.ts');
        return (context, parsed) => runMcoFind(context, parsed, style);
      }),
    },
  };
}

function pingApplication(style: McoStyle): Application {
  return {
    sections: requestSections,
    command: {
      name: 'ping',
      help: 'Asks every node whether it is there',
      flags: [
        {name: 'graph', short: 'g', kind: 'boolean', help: 'Show how the answers are spread over the time'},
        ...flagsOf(requestSections),
      ],
      run: application('ping', async () => {
        const {runMcoPing} = await import('./network-run.ts');
        return (context, parsed) => runMcoPing(context, parsed, style);
      }),
    },
  };
}

/** `plugin doc` in the style, `plugin generate` as it is. */
function pluginApplication(style: McoStyle): Application {
  const generate = (pluginCommand.commands ?? []).filter((command) => command.name === 'generate');
  const doc = (pluginCommand.commands ?? []).filter((command) => command.name === 'doc');
  const classicDoc: CommandSpec = {
    name: 'doc',
    help: 'Shows what a plugin does and takes',
    arguments: [{name: 'name', help: 'Plugin to show, as NAME or TYPE/NAME'}],
    run: application('plugin', async () => (await import('./classic/plugin-doc-run.ts')).runClassicPluginDoc),
  };
  return {
    sections: [],
    isShim: true,
    usage:
      'Usage: mco plugin doc [NAME | TYPE/NAME]\n       mco plugin generate client <ddl> <target>\n       mco plugin generate ddl <json_output> [<ruby_output>]',
    command: {
      ...pluginCommand,
      flags: generalOptions,
      commands: [...(style === 'classic' ? [classicDoc] : doc), ...generate],
    },
  };
}

const classicApplications: readonly Application[] = [
  {
    sections: requestSections,
    usage: 'Usage: mco facts [options] [filters] FACT',
    command: {
      name: 'facts',
      help: 'Reports how often each value of a fact is found',
      flags: flagsOf(requestSections),
      arguments: [{name: 'fact', help: 'The fact to report on'}],
      run: application('facts', async () => (await import('./classic/facts-run.ts')).runClassicFacts),
    },
  },
  {
    sections: requestSections,
    usage: 'Usage: mco inventory [options] [NODE]',
    command: {
      name: 'inventory',
      help: 'Shows a node, or the collectives',
      flags: [
        {name: 'collectives', aliases: ['list-collectives', 'lc'], kind: 'boolean', help: 'List all known collectives'},
        {
          name: 'collective-graph',
          aliases: ['cg', 'map'],
          kind: 'string',
          valueName: 'MAP',
          help: 'Write a graph of all collectives to this file, for Graphviz',
        },
        ...flagsOf(requestSections),
      ],
      arguments: [{name: 'identity', help: 'The node to show'}],
      run: application('inventory', async () => (await import('./classic/inventory-run.ts')).runClassicInventory),
    },
  },
  {
    sections: requestSections,
    usage: callUsage,
    command: {
      name: 'rpc',
      help: 'Calls an action of an agent',
      flags: [...callFlags, ...flagsOf(requestSections)],
      arguments: callArguments,
      run: application('rpc', async () => (await import('./classic/rpc-run.ts')).runClassicRpc),
    },
  },
];

const currentApplications: readonly Application[] = [
  {
    sections: [],
    isShim: true,
    command: {
      ...factsCommand,
      flags: withClassicNames(factsCommand),
      run: application('facts', async () => (await import('../commands/facts-run.ts')).runFacts),
    },
  },
  {
    sections: [],
    isShim: true,
    command: {
      ...inventoryCommand,
      flags: withClassicNames(inventoryCommand).map((flag) =>
        flag.name === 'collectives' ? {...flag, aliases: ['list-collectives', 'lc']} : flag,
      ),
      run: application('inventory', async () => (await import('../commands/inventory-run.ts')).runInventory),
    },
  },
  {
    sections: [],
    isShim: true,
    usage: callUsage,
    command: {
      ...reqCommand,
      name: 'rpc',
      aliases: [],
      flags: withClassicNames(reqCommand, [...callFlags, ...commonOptions, ...rpcOptions]),
      arguments: callArguments,
      run: application('rpc', async () => (await import('./network-run.ts')).runMcoRpc),
    },
  },
];

/** Everything under the name `mco`, sorted. */
export function mcoApplications(style: McoStyle): readonly Application[] {
  const own = style === 'classic' ? classicApplications : currentApplications;
  return [
    choriaApplication,
    completionApplication(() => mcoProgram(style)),
    describeFilterApplication,
    federationApplication,
    findApplication(style),
    pingApplication(style),
    pluginApplication(style),
    ...own,
  ].toSorted((a, b) => (a.command.name < b.command.name ? -1 : 1));
}

export function mcoProgram(style: McoStyle): CommandSpec {
  return {
    name: 'mco',
    help: 'Applications of the classic client',
    flags: [
      {name: 'help', short: 'h', kind: 'boolean', help: 'Show context-sensitive help'},
      {name: 'version', kind: 'boolean', help: 'Show the version of this program'},
      {name: 'debug', kind: 'boolean', hidden: true, help: 'Enable debug logging'},
      {name: 'help-long', kind: 'boolean', hidden: true, help: 'Show help of every application on one page'},
      {name: 'help-man', kind: 'boolean', hidden: true, help: 'Show help as a manual page'},
      {name: 'help-llm', kind: 'boolean', hidden: true, help: 'Show help of every application as Markdown'},
      {name: 'fisk-introspect', kind: 'boolean', hidden: true, help: 'Show the command line as JSON'},
      {name: 'completion-script-bash', kind: 'boolean', hidden: true, help: 'Show a completion script for bash'},
      {name: 'completion-script-zsh', kind: 'boolean', hidden: true, help: 'Show a completion script for zsh'},
    ],
    commands: mcoApplications(style).map(({command}) => command),
  };
}
