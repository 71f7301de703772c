/**
 * Command lines as the option parser of the Ruby client takes them: long options may be shortened while they are clear, of an option that is given twice
 * the last counts, and words that no application asks for are left out. Pure.
 */
import type {CommandSpec, FlagSpec} from '../types.ts';

export interface ClassicWords {
  /** Behind the name of the application. */
  readonly words: readonly string[];
  /** Left out: the application takes fewer. */
  readonly ignored: readonly string[];
}

interface Option {
  readonly spec: FlagSpec;
  /** As it goes on: the name in full. */
  readonly words: readonly string[];
  /** How many of the words it takes. */
  readonly length: number;
}

/** @example readClassicWords(ping, ['--disc', '1', '-T', 'a', '-T', 'b']).words // ['--discovery-timeout', '1', '-T', 'b'] */
export function readClassicWords(command: CommandSpec, words: readonly string[]): ClassicWords {
  const flags = command.flags ?? [];
  const kept: {readonly spec: FlagSpec | undefined; readonly words: readonly string[]}[] = [];
  const ignored: string[] = [];
  const specs = command.arguments ?? [];
  const room = specs.some((spec) => spec.repeatable === true) ? Number.POSITIVE_INFINITY : specs.length;
  let taken = 0;
  let index = 0;
  let isOpen = true;
  let isClear = true;
  while (index < words.length) {
    const word = words[index] ?? '';
    const option = isOpen && word.startsWith('-') && word !== '--' ? readOption(flags, words.slice(index)) : undefined;
    if (option !== undefined) {
      kept.push(option);
      index += option.length;
      continue;
    }
    index += 1;
    if (isOpen && word.startsWith('-') && word !== '-') {
      isOpen = word !== '--';
      isClear &&= !isOpen;
      kept.push({spec: undefined, words: [word]});
    } else if (taken < room) {
      taken += 1;
      kept.push({spec: undefined, words: [word]});
    } else {
      ignored.push(word);
    }
  }
  const last = new Map(kept.map(({spec}, at) => [spec, at] as const));
  const isMeant = (spec: FlagSpec | undefined, at: number): boolean =>
    spec === undefined || spec.repeatable === true || last.get(spec) === at;
  // Behind an option that nobody knows a word may be its value: the whole line is refused for the option then.
  const meant = kept.filter(({spec}, at) => isMeant(spec, at)).flatMap((part) => part.words);
  return {words: meant, ignored: isClear ? ignored : []};
}

/** Undefined for what is no option of the application, and for several short ones in a word. */
function readOption(flags: readonly FlagSpec[], words: readonly string[]): Option | undefined {
  const [word = ''] = words;
  if (word.startsWith('--')) return readLong(flags, words);
  const spec = flags.find((flag) => flag.short === word.charAt(1));
  if (spec === undefined) return undefined;
  if (spec.kind === 'boolean') return word.length === 2 ? {spec, words: [word], length: 1} : undefined;
  return withValue(spec, {words, isAttached: word.length > 2, name: word});
}

function readLong(flags: readonly FlagSpec[], words: readonly string[]): Option | undefined {
  const [word = ''] = words;
  const equals = word.indexOf('=');
  const typed = (equals === -1 ? word.slice(2) : word.slice(2, equals)).replaceAll('_', '-');
  const isNamed = (test: (name: string) => boolean): readonly FlagSpec[] =>
    flags.filter((flag) => [flag.name, ...(flag.aliases ?? [])].some((name) => test(name.replaceAll('_', '-'))));
  const [exact] = isNamed((name) => name === typed);
  const starting = isNamed((name) => name.startsWith(typed));
  const spec = exact ?? (starting.length === 1 ? starting[0] : undefined);
  if (spec === undefined || typed === '') return undefined;
  const name = `--${spec.name}${equals === -1 ? '' : word.slice(equals)}`;
  if (spec.kind === 'boolean') return {spec, words: [name], length: 1};
  return withValue(spec, {words, isAttached: equals !== -1, name});
}

function withValue(
  spec: FlagSpec,
  option: {readonly words: readonly string[]; readonly isAttached: boolean; readonly name: string},
): Option {
  const {words, isAttached, name} = option;
  const value = isAttached ? undefined : words[1];
  return value === undefined ? {spec, words: [name], length: 1} : {spec, words: [name, value], length: 2};
}
