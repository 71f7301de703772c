/**
 * Reads a command line over the declarations, by the grammar of the program whose users we inherit (fisk; cli.md 1.1).
 *
 * Two passes as there: the first finds flags, commands and arguments and stops at the first thing that does not fit; the second
 * converts values. Help is asked for between the two, so `req --help` works without arguments but `--bogus --help` does not.
 * Pure: `@file` arguments are read through a function that the caller gives.
 */
import {absentSuffix} from './absent.ts';
import {CliError} from './errors.ts';
import {argumentsMax} from './limits.ts';
import {suggestionSuffix} from './suggest.ts';
import type {ArgumentSpec, CommandSpec, FlagSpec} from './types.ts';

/** What the first pass found; also what help and completion look at when it stopped early. */
export interface RawCommandLine {
  /** From the program (a pseudo command) to the innermost command. */
  readonly path: readonly CommandSpec[];
  readonly flags: readonly {readonly spec: FlagSpec; readonly value: string | boolean}[];
  readonly arguments: readonly {readonly spec: ArgumentSpec; readonly value: string}[];
  readonly error: CliError | undefined;
  /** The word that is no sub command of the innermost one, and those behind it. */
  readonly unknown?: readonly string[];
}

export interface ParseOptions {
  /** The lines of an `@file` argument, blank and `#` lines already left out. */
  readonly readLines: (path: string) => readonly string[];
  /** False while completing: then a command that has a default still offers its others. */
  readonly enterDefaults?: boolean;
}

interface Token {
  readonly kind: 'end' | 'long' | 'short' | 'argument';
  readonly text: string;
}

/** Still to be read. A `value` stood behind `=` or a short flag; a `line` came out of an `@file`. */
interface Word {
  readonly text: string;
  readonly kind: 'word' | 'value' | 'line';
}

class CommandLineParser {
  private readonly rest: Word[];
  private peeked: Token | undefined;
  private argumentsOnly = false;
  private readonly options: ParseOptions;
  private readonly visible: FlagSpec[] = [];
  private readonly path: CommandSpec[];
  private readonly flags: {spec: FlagSpec; value: string | boolean}[] = [];
  private readonly args: {spec: ArgumentSpec; value: string}[] = [];
  private argumentIndex = 0;
  private unknown: readonly string[] | undefined;

  constructor(program: CommandSpec, words: readonly string[], options: ParseOptions) {
    this.rest = words.map((text) => ({text, kind: 'word'}));
    this.options = options;
    this.path = [];
    this.enter(program);
  }

  run(): RawCommandLine {
    let error: CliError | undefined;
    try {
      this.parse();
    } catch (caught) {
      if (!(caught instanceof CliError)) throw caught;
      error = caught;
    }
    const {path, flags, args, unknown} = this;
    return {path, flags, arguments: args, error, ...(unknown === undefined ? {} : {unknown})};
  }

  private enter(command: CommandSpec): void {
    this.path.push(command);
    this.visible.push(...(command.flags ?? []));
  }

  private get current(): CommandSpec {
    const command = this.path.at(-1);
    if (command === undefined) throw new Error('Assertion failed: a command line has a program');
    return command;
  }

  private parse(): void {
    for (let token = this.peek(); token.kind !== 'end'; token = this.peek()) {
      if (token.kind === 'argument') {
        if (!this.takeWord(token.text)) break;
        continue;
      }
      const inner = this.defaultCommand();
      if (inner !== undefined && !this.isKnownFlag(token)) this.enter(inner);
      else this.takeFlag(token);
    }
    this.enterDefaults();
    const left = this.peek();
    if (left.kind !== 'end') throw new CliError('ERR_CLI_USAGE', `unexpected argument ${left.text}`);
  }

  private enterDefaults(): void {
    if (this.options.enterDefaults === false) return;
    if (this.flags.some((flag) => flag.spec.name === 'help')) return;
    for (let inner = this.defaultCommand(); inner !== undefined; inner = this.defaultCommand()) this.enter(inner);
  }

  private defaultCommand(): CommandSpec | undefined {
    return this.current.commands?.find((command) => command.isDefault === true);
  }

  /** A word is a sub command where the command has some, otherwise its next argument. */
  private takeWord(word: string): boolean {
    const commands = this.current.commands ?? [];
    if (commands.length > 0) {
      const match = commands.find((command) => command.name === word || (command.aliases ?? []).includes(word));
      if (match !== undefined) {
        this.next();
        this.enter(match);
        return true;
      }
      const inner = this.defaultCommand();
      if (inner === undefined) throw this.unknownCommand(word, commands);
      this.enter(inner);
      return true;
    }
    const specs = this.current.arguments ?? [];
    const spec = specs[this.argumentIndex];
    if (spec === undefined) return false;
    if (spec.repeatable !== true) this.argumentIndex += 1;
    this.args.push({spec, value: word});
    this.next();
    return true;
  }

  private unknownCommand(word: string, commands: readonly CommandSpec[]): CliError {
    const names = commands
      .filter((command) => command.hidden !== true)
      .flatMap((command) => [command.name, ...(command.aliases ?? [])]);
    const typed = [...this.path.slice(1).map((part) => part.name), word];
    this.unknown = [word, ...this.rest.map(({text}) => text)];
    const hint = absentSuffix(typed) || suggestionSuffix(word, names);
    return new CliError(
      'ERR_CLI_COMMAND',
      `expected command but got ${JSON.stringify(word)}${hint}, use --help for full help including flags and arguments`,
    );
  }

  private findLong(name: string): {spec: FlagSpec; inverted: boolean} | undefined {
    const direct = this.visible.findLast((flag) => flag.name === name || flag.aliases?.includes(name));
    if (direct !== undefined) return {spec: direct, inverted: false};
    if (!name.startsWith('no-')) return undefined;
    const negated = this.visible.findLast((flag) => flag.name === name.slice(3) && flag.negatable === true);
    return negated === undefined ? undefined : {spec: negated, inverted: true};
  }

  private isKnownFlag(token: Token): boolean {
    if (token.kind === 'long') return this.findLong(token.text) !== undefined;
    return token.kind === 'short' && this.visible.some((flag) => flag.short === token.text);
  }

  private takeFlag(token: Token): void {
    const found =
      token.kind === 'long'
        ? this.findLong(token.text)
        : {spec: this.visible.findLast((flag) => flag.short === token.text), inverted: false};
    if (found?.spec === undefined) throw this.unknownFlag(token);
    this.next();
    if (found.spec.kind === 'boolean') {
      this.flags.push({spec: found.spec, value: !found.inverted});
      return;
    }
    const value = this.peek();
    const shown = token.kind === 'long' ? `--${token.text}` : `-${token.text}`;
    if (value.kind !== 'argument') throw new CliError('ERR_CLI_USAGE', `expected argument for flag '${shown}'`);
    this.next();
    this.flags.push({spec: found.spec, value: value.text});
  }

  private unknownFlag(token: Token): CliError {
    if (token.kind === 'short') return new CliError('ERR_CLI_USAGE', `unknown short flag '-${token.text}'`);
    const names = this.visible.filter((flag) => flag.hidden !== true).map((flag) => flag.name);
    return new CliError(
      'ERR_CLI_USAGE',
      `unknown long flag '--${token.text}'${suggestionSuffix(token.text, names, '--')}`,
    );
  }

  private peek(): Token {
    this.peeked ??= this.read();
    return this.peeked;
  }

  private next(): void {
    this.peeked = undefined;
  }

  private read(): Token {
    for (;;) {
      const word = this.rest.shift();
      if (word === undefined) return {kind: 'end', text: ''};
      const {text} = word;
      if (this.argumentsOnly || word.kind === 'value') return {kind: 'argument', text};
      if (text === '--') {
        this.argumentsOnly = true;
        continue;
      }
      if (text.startsWith('--')) return this.readLong(text);
      // A lone dash is a word, so that "-" can mean standard input (the older program loses it, cli.md 1.1).
      if (text.startsWith('-') && text.length > 1) return this.readShort(text);
      if (!text.startsWith('@') || word.kind === 'line') return {kind: 'argument', text};
      this.expand(text.slice(1));
    }
  }

  private readLong(text: string): Token {
    const equals = text.indexOf('=');
    if (equals === -1) return {kind: 'long', text: text.slice(2)};
    this.rest.unshift({text: text.slice(equals + 1), kind: 'value'});
    return {kind: 'long', text: text.slice(2, equals)};
  }

  private readShort(text: string): Token {
    const letter = String.fromCodePoint(text.codePointAt(1) ?? 0);
    const spec = this.visible.findLast((flag) => flag.short === letter);
    const rest = text.slice(1 + letter.length);
    if (rest !== '') {
      const takesValue = spec !== undefined && spec.kind !== 'boolean';
      this.rest.unshift(takesValue ? {text: rest, kind: 'value'} : {text: `-${rest}`, kind: 'word'});
    }
    return {kind: 'short', text: letter};
  }

  /** Lines of a file may be flags but not `@file` again, so that a file that names itself ends. */
  private expand(path: string): void {
    const lines = this.options.readLines(path);
    if (lines.length + this.rest.length > argumentsMax) {
      throw new CliError(
        'ERR_CLI_VALUE',
        `Cannot take the arguments in "${path}": ${lines.length} lines, expected at most ${argumentsMax}`,
      );
    }
    this.rest.unshift(...lines.map((text): Word => ({text, kind: 'line'})));
  }
}

/** The first pass. Never throws: what did not fit is in `error`. */
export function parseCommandLine(
  program: CommandSpec,
  words: readonly string[],
  options: ParseOptions,
): RawCommandLine {
  return new CommandLineParser(program, words, options).run();
}
