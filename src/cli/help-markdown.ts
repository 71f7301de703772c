/** Help as Markdown, for programs that read it: one page, or all of them on one. From the same declarations as the other forms. */
import {allCommandPaths, argumentText, commandWords, synopsis} from './help.ts';
import type {ArgumentSpec, CommandSpec, FlagSpec} from './types.ts';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}

function flagName(flag: FlagSpec): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  const value = flag.kind === 'boolean' ? '' : `=${flag.valueName ?? flag.name.toUpperCase()}`;
  return `\`${short}--${flag.negatable === true ? '[no-]' : ''}${flag.name}${value}\``;
}

function facts(item: FlagSpec | ArgumentSpec): string {
  return [
    item.required === true ? 'required' : '',
    item.repeatable === true || item.kind === 'map' ? 'may be repeated' : '',
    item.default === undefined ? '' : `default \`${item.default}\``,
    item.values === undefined ? '' : `one of ${item.values.map((value) => `\`${value}\``).join(', ')}`,
  ]
    .filter((text) => text !== '')
    .join('; ');
}

function table(title: string, rows: readonly (readonly [string, string, string])[]): string {
  if (rows.length === 0) return '';
  const lines = rows.map((row) => `| ${row.map(cell).join(' | ')} |`);
  return `${title}:\n\n| Name | Meaning | Rules |\n| --- | --- | --- |\n${lines.join('\n')}\n\n`;
}

function sections(path: readonly CommandSpec[]): string {
  const command = path.at(-1);
  if (command === undefined) return '';
  const aliases = (command.aliases ?? []).map((alias) => `\`${alias}\``).join(', ');
  const flags = (command.flags ?? []).filter((flag) => flag.hidden !== true);
  const cheat = command.cheat === undefined ? '' : `Examples:\n\n\`\`\`sh\n${command.cheat.text.trimEnd()}\n\`\`\`\n\n`;
  return [
    `\`\`\`\n${synopsis(path)}\n\`\`\`\n\n${command.help}\n\n`,
    aliases === '' ? '' : `Also called ${aliases}.\n\n`,
    table(
      'Arguments',
      (command.arguments ?? []).map((item) => [`\`${argumentText(item, true)}\``, item.help, facts(item)] as const),
    ),
    table(
      'Flags',
      flags.map((flag) => [flagName(flag), flag.help, facts(flag)] as const),
    ),
    cheat,
  ].join('');
}

/** The page of one command, with the names of the commands below it. */
export function markdownHelp(path: readonly CommandSpec[]): string {
  const title = path.map((part) => part.name).join(' ');
  const below = (path.at(-1)?.commands ?? []).filter((item) => item.hidden !== true);
  const list = below
    .map((item) => `- \`${[...commandWords(path), item.name].join(' ')}\`: ${cell(item.help)}\n`)
    .join('');
  return `# ${title}\n\n${sections(path)}${list === '' ? '' : `Commands:\n\n${list}\n`}`;
}

/** Every command on one page. */
export function markdownManual(program: CommandSpec): string {
  const pages = allCommandPaths(program).map(
    (path) => `## ${path.map((part) => part.name).join(' ')}\n\n${sections(path)}`,
  );
  return `# ${program.name}\n\n${sections([program])}${pages.join('')}`;
}
