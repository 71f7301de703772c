/**
 * The program under its older name: the applications of the Ruby client that scripts still call. `rpc`, `facts` and `inventory` are the
 * commands of `choria` with the same results; `ping`, `find`, `completion` and `describe_filter` keep their own texts; exit codes
 * follow cli.md 1.4.
 */
import {factsCommand} from '../commands/facts.ts';
import {basicFilterFlags, configFlag, discoveryFlags, filterFlags, nodesFlag} from '../commands/flags.ts';
import {inventoryCommand} from '../commands/inventory.ts';
import {pluginCommand} from '../commands/plugin.ts';
import {reqCommand} from '../commands/req.ts';
import type {CliContext, CommandSpec, FlagSpec, ParsedArguments} from '../types.ts';

type Run = (context: CliContext, parsed: ParsedArguments) => Promise<number>;

const shortConfigFlag: FlagSpec = {...configFlag, short: 'c'};
const federationsFlag: FlagSpec = {name: 'federations', kind: 'string', help: 'Comma separated list of federations'};

/** Failures are told as the Ruby client tells them, whatever the application. */
function application(name: string, load: () => Promise<Run>): () => Promise<Run> {
  return async () => {
    const [run, {reportFailure}] = await Promise.all([load(), import('./failure.ts')]);
    return async (context, parsed) => {
      try {
        return await run(context, parsed);
      } catch (error) {
        return reportFailure(context, name, error);
      }
    };
  };
}

function withShortConfig(command: CommandSpec): CommandSpec {
  return {
    ...command,
    flags: (command.flags ?? []).map((flag) => (flag.name === 'config' ? shortConfigFlag : flag)),
  };
}

export const mcoProgram: CommandSpec = {
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
  commands: [
    {
      name: 'completion',
      help: 'Lists what shells complete',
      flags: [
        shortConfigFlag,
        {name: 'list-agents', kind: 'boolean', help: 'List all known agents'},
        {name: 'list-actions', kind: 'boolean', help: 'List the actions of an agent'},
        {name: 'list-inputs', kind: 'boolean', help: 'List the inputs of an action'},
        {name: 'list-applications', kind: 'boolean', help: 'List all known applications'},
        {name: 'agent', kind: 'string', help: 'The agent to look at'},
        {name: 'action', kind: 'string', help: 'The action to look at'},
        {name: 'verbose', short: 'v', kind: 'boolean', help: 'Add descriptions'},
      ],
      run: application('completion', async () => {
        const [{runMcoCompletion}, {applicationNames}] = await Promise.all([
          import('./completion-run.ts'),
          import('./list.ts'),
        ]);
        return (context, parsed) => runMcoCompletion(context, {parsed, applications: applicationNames(mcoProgram)});
      }),
    },
    {
      name: 'describe_filter',
      help: 'Says in words what filters mean',
      flags: [shortConfigFlag, ...basicFilterFlags, ...filterFlags.filter((flag) => flag.name === 'select')],
      run: application('describe_filter', async () => (await import('./describe-filter-run.ts')).runDescribeFilter),
    },
    {
      ...withShortConfig(factsCommand),
      run: application('facts', async () => (await import('../commands/facts-run.ts')).runFacts),
    },
    {
      name: 'find',
      help: 'Finds nodes that match filters',
      flags: [
        shortConfigFlag,
        ...filterFlags,
        ...discoveryFlags,
        nodesFlag,
        federationsFlag,
        {name: 'verbose', short: 'v', kind: 'boolean', help: 'Tell how the nodes were found'},
      ],
      run: application('find', async () => (await import('./network-run.ts')).runMcoFind),
    },
    {
      ...withShortConfig(inventoryCommand),
      run: application('inventory', async () => (await import('../commands/inventory-run.ts')).runInventory),
    },
    {
      name: 'ping',
      help: 'Asks every node whether it is there',
      flags: [
        shortConfigFlag,
        ...filterFlags,
        {name: 'discovery-timeout', kind: 'integer', placeholder: 'SECONDS', help: 'Time to wait for answers'},
        federationsFlag,
      ],
      run: application('ping', async () => (await import('./network-run.ts')).runMcoPing),
    },
    {
      ...withShortConfig(pluginCommand),
      commands: (pluginCommand.commands ?? []).filter((command) => command.name !== 'schema'),
    },
    {
      ...withShortConfig(reqCommand),
      name: 'rpc',
      aliases: [],
      run: application('rpc', async () => (await import('./network-run.ts')).runMcoRpc),
    },
  ],
};
