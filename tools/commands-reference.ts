/** Makes `docs/reference/commands.md` from the declarations of the commands. */
import type {ArgumentSpec, CommandSpec, FlagSpec} from '../src/cli/types.ts';
import {allCommandPaths, argumentText, synopsis} from '../src/cli/help.ts';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function flagName(flag: FlagSpec): string {
  const long = flag.negatable === true ? `--[no-]${flag.name}` : `--${flag.name}`;
  return flag.short === undefined ? `\`${long}\`` : `\`-${flag.short}\`, \`${long}\``;
}

function valueText(spec: FlagSpec | ArgumentSpec): string {
  const kind = spec.kind ?? 'string';
  if (kind === 'boolean') return 'switch';
  if (spec.values !== undefined) return spec.values.map((value) => `\`${value}\``).join(', ');
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    integer: 'whole number',
    duration: 'duration',
    map: 'key=value',
    file: 'file',
    enum: 'word',
  };
  return names[kind] ?? kind;
}

function notes(spec: FlagSpec | ArgumentSpec): string {
  return [
    spec.required === true ? 'required' : '',
    spec.repeatable === true ? 'repeatable' : '',
    spec.default === undefined ? '' : `default \`${spec.default}\``,
  ]
    .filter((text) => text !== '')
    .join(', ');
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |\n`;
  return `${line(heading)}${line(heading.map(() => '---'))}${rows.map(line).join('')}\n`;
}

function commandSection(path: readonly CommandSpec[]): string {
  const command = path.at(-1);
  if (command === undefined) return '';
  let out = `## ${path.map((part) => part.name).join(' ')}\n\n${command.help}\n\n\`\`\`\n${synopsis(path)}\n\`\`\`\n\n`;
  if ((command.aliases ?? []).length > 0) {
    out += `Also known as ${(command.aliases ?? []).map((alias) => `\`${alias}\``).join(', ')}.\n\n`;
  }
  const args = command.arguments ?? [];
  if (args.length > 0) {
    const rows = args.map((item) => [`\`${argumentText(item, true)}\``, valueText(item), notes(item), item.help]);
    out += table(['Argument', 'Value', '', 'Meaning'], rows);
  }
  const flags = (command.flags ?? []).filter((flag) => flag.hidden !== true);
  if (flags.length > 0) {
    out += table(
      ['Flag', 'Value', '', 'Meaning'],
      flags.map((flag) => [flagName(flag), valueText(flag), notes(flag), flag.help]),
    );
  }
  return out;
}

/** The whole page. */
export function commandsReference(program: CommandSpec): string {
  const paths = allCommandPaths(program);
  const globals = (program.flags ?? []).filter((flag) => flag.hidden !== true);
  let out = '# Commands\n\n';
  out += 'Generated from the declarations in `src/cli/commands` by `npm run generate`; do not edit.\n\n';
  out +=
    'Flags of a command are also taken by its sub commands. Durations are numbers with units: `90s`, `1h30m`, `2d`.\n\n';
  out += table(
    ['Flag of every command', 'Value', '', 'Meaning'],
    globals.map((flag) => [flagName(flag), valueText(flag), notes(flag), flag.help]),
  );
  out += '## Exit codes\n\n';
  out += table(
    ['Code', 'Meaning'],
    [
      ['0', 'success; for `req` also when some nodes failed or did not answer'],
      ['1', 'wrong command line, configuration or connection, nothing found where something is needed, or interrupted'],
    ],
  );
  return `${(out + paths.map(commandSection).join('')).trimEnd()}\n`;
}
