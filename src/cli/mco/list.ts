/** What `mco` alone and `mco help` show. */
import {inertLine} from '../render/inert.ts';
import {nameColumns} from '../render/columns.ts';
import type {CommandSpec} from '../types.ts';
import {version} from '../version.ts';

export function applicationNames(program: CommandSpec): readonly string[] {
  return ['help', ...(program.commands ?? []).map((command) => command.name)].toSorted();
}

export function shortList(program: CommandSpec): string {
  const rows = nameColumns(applicationNames(program), {columns: 3, width: 20, indent: 3, padding: 1, order: 'rows'});
  const more =
    "Type 'mco help' for a detailed list of applications and 'mco help NAME'\nto get detailed help for one of them";
  return `mco version ${version}\n\nusage: mco application <options>\n\nKnown applications:\n\n${rows}\n${more}\n\n`;
}

/** Names, sorted, with what each is for. */
export function applicationTexts(program: CommandSpec): readonly (readonly [name: string, help: string])[] {
  const help = new Map((program.commands ?? []).map((command) => [command.name, command.help]));
  help.set('help', 'Lists applications and shows their options');
  return applicationNames(program).map((name) => [name, inertLine(help.get(name) ?? '')] as const);
}

export function longList(program: CommandSpec): string {
  const lines = applicationTexts(program).map(([name, help]) => `  ${name.padEnd(15)} ${help}\n`);
  return `mco version ${version}\n\n${lines.join('')}\n`;
}
