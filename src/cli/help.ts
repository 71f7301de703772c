/**
 * Help as text, from the declarations: the short list, a command's page, the long page and the manual page.
 *
 * The layout is the one that users of the Go program know (cli.md 1.2): two columns, the second wrapped to the terminal.
 */
import {helpColumnsMax, helpColumnsMin} from './limits.ts';
import type {ArgumentSpec, CommandSpec, FlagSpec} from './types.ts';

/** First columns of this many letters or more stand on their own line. */
const wideColumn = 30;

export interface HelpOptions {
  readonly columns: number;
  /** `full` adds the global flags, which only `--help` shows. */
  readonly full: boolean;
}

/** Breaks text at words so that no line is longer than `width`; indented lines (examples) stay as they are. */
export function wrapText(text: string, width: number): readonly string[] {
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('  ') || line.length <= width) return [line];
    const lines: string[] = [];
    let current = '';
    for (const word of line.split(' ')) {
      if (current !== '' && current.length + 1 + word.length > width) {
        lines.push(current);
        current = word;
      } else {
        current = current === '' ? word : `${current} ${word}`;
      }
    }
    lines.push(current);
    return lines;
  });
}

function twoColumns(rows: readonly (readonly [string, string])[], columns: number): string {
  const indent = 2;
  const padding = 2;
  const widths = rows.map(([left]) => left.length).filter((width) => width < wideColumn);
  const width = Math.max(0, ...widths);
  const offset = ' '.repeat(indent + width + padding);
  const out: string[] = [];
  for (const [left, right] of rows) {
    const lines = wrapText(right, Math.max(10, columns - width - padding - indent));
    const head = `${' '.repeat(indent)}${left.padEnd(width)}${' '.repeat(padding)}`;
    if (left.length >= wideColumn) out.push(head, `${offset}${lines[0] ?? ''}`);
    else out.push(`${head}${lines[0] ?? ''}`.trimEnd());
    for (const line of lines.slice(1)) out.push(`${offset}${line}`);
  }
  return `${out.join('\n')}\n`;
}

function valueName(flag: FlagSpec): string {
  if (flag.valueName !== undefined) return flag.valueName;
  if (flag.default !== undefined)
    return flag.kind === 'string' && flag.repeatable !== true ? JSON.stringify(flag.default) : flag.default;
  return flag.name.toUpperCase();
}

function flagText(flag: FlagSpec, anyShort: boolean): string {
  const short = flag.short === undefined ? (anyShort ? '    ' : '') : `-${flag.short}, `;
  if (flag.kind === 'boolean') return `${short}--${flag.negatable === true ? `[no-]${flag.name}` : flag.name}`;
  return `${short}--${flag.name}=${valueName(flag)}${flag.repeatable === true || flag.kind === 'map' ? ' ...' : ''}`;
}

function flagRows(flags: readonly FlagSpec[]): readonly (readonly [string, string])[] {
  const shown = flags.filter((flag) => flag.hidden !== true);
  const anyShort = shown.some((flag) => flag.short !== undefined);
  return shown.map((flag) => [flagText(flag, anyShort), flag.help] as const);
}

/** `<name>`, `[<name>]`, `[<name>...]`. */
export function argumentText(argument: ArgumentSpec, withDots: boolean): string {
  const name = `<${argument.name}>${withDots && (argument.repeatable === true || argument.kind === 'map') ? '...' : ''}`;
  return argument.required === true ? name : `[${name}]`;
}

/** The program and the commands below it, without the program's own name. */
export function commandWords(path: readonly CommandSpec[]): readonly string[] {
  return path.slice(1).map((command) => command.name);
}

/** `choria kv get [<flags>] <bucket> <key>`. */
export function synopsis(path: readonly CommandSpec[]): string {
  const command = path.at(-1);
  const words = path.map((part) => part.name);
  const hasFlags = (command?.flags ?? []).some((flag) => flag.hidden !== true);
  if (hasFlags || path.length === 1) words.push('[<flags>]');
  if ((command?.commands ?? []).length > 0) words.push('<command> [<args> ...]');
  else words.push(...(command?.arguments ?? []).map((argument) => argumentText(argument, true)));
  return words.join(' ');
}

function visibleCommands(command: CommandSpec): readonly CommandSpec[] {
  return (command.commands ?? []).filter((item) => item.hidden !== true);
}

function boundedColumns(columns: number): number {
  return Math.min(helpColumnsMax, Math.max(helpColumnsMin, columns));
}

function commandSections(path: readonly CommandSpec[], columns: number): string {
  const command = path.at(-1);
  if (command === undefined) return '';
  let out = `usage: ${synopsis(path)}\n\n${wrapText(command.help, columns).join('\n')}\n\n`;
  const args = command.arguments ?? [];
  if (args.length > 0) {
    out += `Args:\n${twoColumns(
      args.map((item) => [argumentText(item, false), item.help] as const),
      columns,
    )}\n`;
  }
  const commands = visibleCommands(command);
  if (commands.length > 0) {
    const prefix = commandWords(path).join(' ');
    const rows = commands.map((item) => [`${prefix} ${item.name}`.trim(), firstParagraph(item.help)] as const);
    out += `${path.length === 1 ? 'Commands' : 'Subcommands'}:\n${twoColumns(rows, columns)}\n`;
  }
  const flags = path.length === 1 ? [] : flagRows(command.flags ?? []);
  if (flags.length > 0) out += `Flags:\n${twoColumns(flags, columns)}\n`;
  return out;
}

export function firstParagraph(text: string): string {
  const end = text.indexOf('\n\n');
  return end === -1 ? text : text.slice(0, end);
}

/** The page of one command, or of the program. */
export function commandHelp(path: readonly CommandSpec[], options: HelpOptions): string {
  const columns = boundedColumns(options.columns);
  const command = path.at(-1);
  let out = commandSections(path, columns);
  if (path.length > 1) {
    const aliases = command?.aliases ?? [];
    out += `${aliases.length > 0 ? `Command Aliases: ${aliases.join(', ')}\n` : ''}\n`;
  }
  if (!options.full) return `${out}Pass --help to see global flags applicable to this command.\n`;
  const inherited = path.slice(0, -1).flatMap((part) => part.flags ?? []);
  const globals = path.length === 1 ? (command?.flags ?? []) : inherited;
  return `${out}Global Flags:\n${twoColumns(flagRows(globals), columns)}\n`;
}

function walk(path: readonly CommandSpec[]): readonly (readonly CommandSpec[])[] {
  const command = path.at(-1);
  if (command === undefined) return [];
  return visibleCommands(command).flatMap((child) => {
    const childPath = [...path, child];
    return [childPath, ...walk(childPath)];
  });
}

/** Every command that can be run, in order, as paths from the program. */
export function allCommandPaths(program: CommandSpec): readonly (readonly CommandSpec[])[] {
  return walk([program]);
}

/** Everything on one page. */
export function longHelp(program: CommandSpec, options: {readonly columns: number}): string {
  const columns = boundedColumns(options.columns);
  let out = `usage: ${synopsis([program])}\n\n${wrapText(program.help, columns).join('\n')}\n\n`;
  out += `Flags:\n${twoColumns(flagRows(program.flags ?? []), columns)}\nCommands:\n`;
  for (const path of allCommandPaths(program)) {
    const command = path.at(-1);
    if (command === undefined || (command.commands ?? []).length > 0) continue;
    out += `  ${synopsis(path).slice(program.name.length + 1)}\n`;
    out += `${wrapText(command.help, columns - 4)
      .map((line) => `    ${line}`.trimEnd())
      .join('\n')}\n\n`;
    const rows = flagRows(command.flags ?? []);
    if (rows.length > 0)
      out += `${twoColumns(rows, columns - 2)
        .replace(/^/gm, '  ')
        .trimEnd()}\n\n`;
  }
  return out;
}

function roff(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

/** A page for man(1). */
export function manualPage(program: CommandSpec, version: string): string {
  const lines = [`.TH ${program.name} 1 "" "${version}" ""`, '.SH "NAME"', program.name, '.SH "SYNOPSIS"'];
  lines.push('.TP', `\\fB${roff(synopsis([program]))}\\fR`, '.SH "DESCRIPTION"', roff(program.help), '.SH "OPTIONS"');
  for (const [left, right] of flagRows(program.flags ?? [])) lines.push('.TP', `\\fB${roff(left)}\\fR`, roff(right));
  lines.push('.SH "COMMANDS"');
  for (const path of allCommandPaths(program)) {
    const command = path.at(-1);
    if (command === undefined) continue;
    lines.push('.SS', `\\fB${roff(synopsis(path).slice(program.name.length + 1))}\\fR`, '.PP', roff(command.help));
    for (const [left, right] of flagRows(command.flags ?? [])) lines.push('.TP', `\\fB${roff(left)}\\fR`, roff(right));
  }
  return `${lines.join('\n')}\n`;
}
