/** The command line as JSON, for programs: the same model that the Go program gives on `--fisk-introspect`. */
import type {ArgumentSpec, CommandSpec, FlagSpec} from './types.ts';

function flagModel(flag: FlagSpec): Record<string, unknown> {
  return {
    name: flag.name,
    help: flag.help,
    ...(flag.short === undefined ? {} : {short: flag.short.codePointAt(0)}),
    ...(flag.default === undefined ? {} : {default: [flag.default]}),
    ...(flag.env === undefined ? {} : {envar: flag.env}),
    ...(flag.valueName === undefined ? {} : {place_holder: flag.valueName}),
    ...(flag.values === undefined ? {} : {completions: flag.values}),
    ...(flag.required === true ? {required: true} : {}),
    ...(flag.hidden === true ? {hidden: true} : {}),
    boolean: flag.kind === 'boolean',
    ...(flag.negatable === true ? {negatable: true} : {}),
    cumulative: flag.repeatable === true || flag.kind === 'map',
  };
}

function argumentModel(argument: ArgumentSpec): Record<string, unknown> {
  return {
    name: argument.name,
    help: argument.help,
    ...(argument.default === undefined ? {} : {default: [argument.default]}),
    ...(argument.required === true ? {required: true} : {}),
    cumulative: argument.repeatable === true || argument.kind === 'map',
  };
}

function commandModel(command: CommandSpec): Record<string, unknown> {
  return {
    name: command.name,
    aliases: command.aliases ?? null,
    help: command.help,
    ...(command.hidden === true ? {hidden: true} : {}),
    ...(command.isDefault === true ? {default: true} : {}),
    flags: (command.flags ?? []).map(flagModel),
    args: (command.arguments ?? []).map(argumentModel),
    commands: (command.commands ?? []).map(commandModel),
  };
}

/** What the parser itself brings is not part of the model, as in the Go program. */
const builtInFlags: readonly string[] = [
  'help',
  'version',
  'help-long',
  'help-man',
  'help-llm',
  'fisk-introspect',
  'completion-script-bash',
  'completion-script-zsh',
];

export function introspect(program: CommandSpec, version: string): Record<string, unknown> {
  const cheats = Object.fromEntries(
    (program.commands ?? []).flatMap((command) => (command.cheat ? [[command.cheat.label, command.cheat.text]] : [])),
  );
  return {
    name: program.name,
    help: program.help,
    version,
    cheats,
    commands: (program.commands ?? []).filter((command) => command.name !== 'cheat').map(commandModel),
    flags: (program.flags ?? []).filter((flag) => !builtInFlags.includes(flag.name)).map(flagModel),
  };
}
