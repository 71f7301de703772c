/**
 * Reads pages of help, and compares them by content: usage, arguments, sub commands, flags with their values and defaults, aliases. The
 * sentences are each program's own, and ours may have flags and commands of its own; what is not built yet is left out of lists until
 * the program has it (`laterCommands`).
 */
import {introspect} from '../../../../src/cli/introspect.ts';
import {program} from '../../../../src/cli/commands/index.ts';

export interface HelpFlag {
  readonly short: string | undefined;
  readonly isNegatable: boolean;
  /** The name of the value or the default; undefined for a boolean. */
  readonly value: string | undefined;
  readonly isRepeated: boolean;
}

export interface HelpPage {
  readonly usage: string;
  readonly description: string;
  readonly arguments: readonly string[];
  readonly commands: readonly string[];
  readonly flags: ReadonlyMap<string, HelpFlag>;
  readonly globals: ReadonlyMap<string, HelpFlag> | undefined;
  readonly aliases: readonly string[];
  readonly hint: string;
}

interface Model {
  readonly name: string;
  readonly aliases?: readonly string[] | null;
  readonly commands?: readonly Model[];
}

/** Commands of parts that come later; the first one that exists is compared like any other. */
const laterCommands: readonly string[] = [
  'kv',
  'governor',
  'election',
  'machine graph',
  'machine run',
  'machine validate',
  'machine watch',
  'scout',
  'broker consumer',
  'exec-supervisor',
  'broker counter',
  'broker stream',
];

export function hasCommand(words: readonly string[]): boolean {
  let level: Model = introspect(program, '0') as unknown as Model;
  for (const word of words) {
    const next = level.commands?.find((item) => item.name === word || item.aliases?.includes(word));
    if (next === undefined) return false;
    level = next;
  }
  return true;
}

/** A command, by its words, that is not built yet. */
export function isLater(path: string): boolean {
  return laterCommands.some((item) => path === item || path.startsWith(`${item} `)) && !hasCommand(path.split(' '));
}

/** The part that a command line waits for, when its command is not built yet. */
export function laterPart(words: readonly string[]): string | undefined {
  const names = words.filter((word) => !word.startsWith('-') && word !== 'help' && word !== '');
  const found = [1, 2].map((count) => names.slice(0, count).join(' ')).find((path) => isLater(path));
  return found === undefined ? undefined : `the command ${found}`;
}

const flagRow = /^ {2}(?:-(\S), | {4})?--(\[no-\])?([\w-]+)(?:=("[^"]*"|\S+))?( \.\.\.)?(?: {2,}\S.*| {2,})?$/;
const headings: readonly string[] = ['Args:', 'Commands:', 'Subcommands:', 'Flags:', 'Global Flags:'];

function readFlags(lines: readonly string[]): ReadonlyMap<string, HelpFlag> {
  const flags = new Map<string, HelpFlag>();
  for (const line of lines) {
    const match = flagRow.exec(line);
    if (match?.[3] === undefined) continue;
    const [, short, no, name, value, dots] = match;
    flags.set(name, {short, isNegatable: no !== undefined, value, isRepeated: dots !== undefined});
  }
  return flags;
}

export function readHelp(text: string): HelpPage | undefined {
  const lines = text.split('\n');
  if (!lines[0]?.startsWith('usage: ')) return undefined;
  const sections = new Map<string, string[]>([['', []]]);
  let section = '';
  for (const line of lines.slice(1)) {
    if (headings.includes(line)) {
      section = line;
      sections.set(section, []);
    } else if (/^(Command Aliases: |Pass --help )/.test(line)) {
      sections.set(line.slice(0, 4), [line]);
      section = '';
    } else if (section === '' || line === '' || line.startsWith('  ')) {
      sections.get(section)?.push(line);
    }
  }
  const of = (name: string): readonly string[] => sections.get(name) ?? [];
  const named = (name: string, pattern: RegExp): readonly string[] =>
    of(name).flatMap((line) => pattern.exec(line)?.[1] ?? []);
  return {
    usage: lines[0].slice('usage: '.length),
    description: of('').join('\n').trim(),
    arguments: named('Args:', /^ {2}(\[?<[^>]+>\]?)/),
    commands: named(sections.has('Commands:') ? 'Commands:' : 'Subcommands:', /^ {2}(\S+(?: \S+)*)/),
    flags: readFlags(of('Flags:')),
    globals: sections.has('Global Flags:') ? readFlags(of('Global Flags:')) : undefined,
    aliases: (of('Comm')[0] ?? '').slice('Command Aliases: '.length).split(', ').filter(Boolean),
    hint: of('Pass')[0] ?? '',
  };
}

function flagsProblem(wanted: ReadonlyMap<string, HelpFlag>, found: ReadonlyMap<string, HelpFlag>): string | undefined {
  for (const [name, flag] of wanted) {
    const ours = found.get(name);
    if (ours === undefined) return `no flag --${name}`;
    for (const key of ['short', 'isNegatable', 'value', 'isRepeated'] as const) {
      if (flag[key] !== ours[key]) return `--${name}: ${key} ${String(ours[key])} in place of ${String(flag[key])}`;
    }
  }
  const order = [...found.keys()].filter((name) => wanted.has(name));
  return order.join(' ') === [...wanted.keys()].join(' ') ? undefined : `flags in the order ${order.join(' ')}`;
}

/** Lines are broken to the width, but for words and examples that cannot be. */
function widthProblem(text: string, columns: number): string | undefined {
  const wide = text
    .split('\n')
    .find(
      (line) =>
        line.length > columns && /\S +\S/.test(line.trim()) && !line.startsWith('usage: ') && !/^ {2}[^-< ]/.test(line),
    );
  return wide === undefined ? undefined : `a line of ${wide.length} columns: ${wide}`;
}

/** What is wrong with our page, by what the captured one shows. */
export function helpProblem(wanted: string, found: string, columns = 80): string | undefined {
  const [page, ours] = [readHelp(wanted), readHelp(found)];
  if (page === undefined) return 'the captured text is no page of help';
  if (ours === undefined) return `no page of help: ${found.slice(0, 300)}`;
  const bare = (usage: string): string => usage.replace(' [<flags>]', '');
  const isUsage = page.usage === ours.usage || (page.flags.size === 0 && page.usage === bare(ours.usage));
  if (!isUsage) return `usage ${ours.usage} in place of ${page.usage}`;
  if (ours.description === '') return 'a page without a description';
  if (page.arguments.join(' ') !== ours.arguments.join(' ')) return `arguments ${ours.arguments.join(' ')}`;
  const path = page.usage
    .split(' ')
    .slice(1)
    .filter((word) => /^[a-z]/.test(word));
  const lost = page.commands
    // In the captured page a name may be followed by its sentence.
    .map((row) => row.split('  ')[0] ?? row)
    .find((row) => !ours.commands.some((own) => own.split('  ')[0] === row) && !isLater(row));
  if (lost !== undefined) return `no command ${lost} below ${path.join(' ')}`;
  const alias = page.aliases.find((name) => !ours.aliases.includes(name));
  if (alias !== undefined) return `no alias ${alias}`;
  if ((page.globals === undefined) !== (ours.globals === undefined)) return 'global flags are shown or hidden wrongly';
  if (page.hint !== ours.hint) return `closing line ${ours.hint}`;
  return (
    flagsProblem(page.flags, ours.flags) ??
    flagsProblem(page.globals ?? new Map(), ours.globals ?? new Map()) ??
    widthProblem(found, columns)
  );
}
