/**
 * Runs one command line: reads it, answers what needs no command (help, version, completion), loads the command, and turns whatever went
 * wrong into text and an exit code (cli.md 1.1, 1.4). Touches nothing but the context it is given.
 */
import {errorMessage} from '../lib/errors.ts';
import {program} from './commands/index.ts';
import {convertCommandLine} from './convert.ts';
import {CliError} from './errors.ts';
import {writeLogLine} from './fatal.ts';
import {commandHelp} from './help.ts';
import {expandedLinesMax, inputFileBytesMax} from './limits.ts';
import {parseCommandLine, type RawCommandLine} from './parse.ts';
import {inert} from './render/inert.ts';
import type {CliContext, CommandSpec} from './types.ts';
import {version} from './version.ts';

const defaultColumns = 80;

function helpColumns(context: CliContext): number {
  const configured = Number(context.platform.env['COLUMNS'] ?? '');
  if (Number.isInteger(configured) && configured > 0) return configured;
  return context.stderr.columns ?? defaultColumns;
}

/** The lines of every `@file` word, or why there are none; looked at only when such a word turns out to be an argument. */
async function readArgumentFiles(
  words: readonly string[],
  context: CliContext,
): Promise<(path: string) => readonly string[]> {
  const read = new Map<string, readonly string[] | CliError>();
  for (const word of words) {
    const path = word.slice(1);
    if (!word.startsWith('@') || path === '' || read.has(path)) continue;
    try {
      const text = (await context.platform.files.read(path, {limitBytes: inputFileBytesMax})).toString('utf8');
      const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
      read.set(path, lines.slice(0, expandedLinesMax));
    } catch (error) {
      const message = `Cannot read the arguments in "${path}": ${errorMessage(error)}`;
      read.set(path, new CliError('ERR_CLI_VALUE', message, {cause: error}));
    }
  }
  return (path) => {
    const found = read.get(path);
    if (found instanceof CliError) throw found;
    return found ?? [];
  };
}

function hasFlag(raw: RawCommandLine, name: string): boolean {
  return raw.flags.some((flag) => flag.spec.name === name);
}

/** `LLMFORMAT=1` turns every page into Markdown. */
async function showHelp(context: CliContext, path: readonly CommandSpec[], full: boolean): Promise<void> {
  if (context.platform.env['LLMFORMAT'] === '1') {
    const {markdownHelp} = await import('./help-markdown.ts');
    context.stderr.write(markdownHelp(path));
    return;
  }
  context.stderr.write(commandHelp(path, {columns: helpColumns(context), full}));
}

/** Usage errors show the command's page, missing commands the list, bad values only themselves. */
async function reportUsage(context: CliContext, raw: RawCommandLine, error: CliError): Promise<number> {
  const text = inert(error.message);
  if (error.code === 'ERR_CLI_VALUE') {
    context.stderr.write(`${raw.path[0]?.name ?? 'choria'}: error: ${text}\n`);
    return 1;
  }
  context.stderr.write(`error: ${text}\n\n`);
  await showHelp(context, raw.path, false);
  return 1;
}

function reportFailure(context: CliContext, command: string, error: unknown): number {
  const message = errorMessage(error);
  if (error instanceof CliError && error.code === 'ERR_CLI_VALUE') {
    context.stderr.write(`choria: error: ${inert(message)}\n`);
  } else if (error instanceof CliError && error.code === 'ERR_CLI_CONFIGURE') {
    // Logging is not set up at this point, so this line alone goes to standard error.
    const text = `Could not configure Choria: ${command} failed to configure: ${message}`;
    writeLogLine(context, context.stderr, {level: 'fatal', message: text});
  } else if (context.signal.aborted) {
    writeLogLine(context, context.stdout, {level: 'info', message: 'Shutting down on interrupt'});
  } else {
    writeLogLine(context, context.stdout, {level: 'fatal', message: `Could not run Choria: ${message}`});
  }
  return 1;
}

async function runHelpCommand(context: CliContext, root: CommandSpec, words: readonly string[]): Promise<number> {
  let path: readonly CommandSpec[] = [root];
  for (const word of words.filter((item) => !item.startsWith('-'))) {
    const commands = path.at(-1)?.commands ?? [];
    const next = commands.find((item) => item.name === word || (item.aliases ?? []).includes(word));
    if (next === undefined) {
      const [{suggestionSuffix}, {absentSuffix}] = await Promise.all([import('./suggest.ts'), import('./absent.ts')]);
      const names = commands.filter((item) => item.hidden !== true).map((item) => item.name);
      const typed = [...path.slice(1).map((part) => part.name), word];
      const hint = absentSuffix(typed) || suggestionSuffix(word, names);
      context.stderr.write(`${root.name}: error: expected command but got ${JSON.stringify(word)}${hint}\n`);
      return 1;
    }
    path = [...path, next];
  }
  await showHelp(context, path, false);
  return 0;
}

async function runBuiltIn(
  context: CliContext,
  root: CommandSpec,
  request: {readonly words: readonly string[]; readonly raw: RawCommandLine},
): Promise<number | undefined> {
  const {raw, words} = request;
  const first = words[0];
  if (words.length === 0) {
    await showHelp(context, [root], false);
    return 0;
  }
  if (first === 'help') return runHelpCommand(context, root, words.slice(1));
  if (first === '--completion-bash') {
    const {completeWords} = await import('./complete.ts');
    const typed = words.slice(1);
    const inner = parseCommandLine(root, typed.slice(0, -1), {readLines: () => [], enterDefaults: false});
    for (const candidate of completeWords(inner, typed)) context.stdout.write(`${candidate}\n`);
    return 0;
  }
  if (hasFlag(raw, 'completion-script-bash') || hasFlag(raw, 'completion-script-zsh')) {
    const {bashScript, zshScript} = await import('./complete.ts');
    context.stdout.write(hasFlag(raw, 'completion-script-zsh') ? zshScript(root.name) : bashScript(root.name));
    return 0;
  }
  if (hasFlag(raw, 'fisk-introspect')) {
    const {introspect} = await import('./introspect.ts');
    context.stdout.write(`${JSON.stringify(introspect(root, version), null, 2)}\n`);
    return 0;
  }
  if (raw.error !== undefined) return undefined;
  if (hasFlag(raw, 'help-long') || hasFlag(raw, 'help-man')) {
    const {longHelp, manualPage} = await import('./help.ts');
    const columns = helpColumns(context);
    context.stdout.write(hasFlag(raw, 'help-man') ? manualPage(root, version) : longHelp(root, {columns}));
    return 0;
  }
  if (hasFlag(raw, 'help-llm')) {
    const {markdownManual} = await import('./help-markdown.ts');
    context.stdout.write(markdownManual(root));
    return 0;
  }
  if (hasFlag(raw, 'version')) {
    context.stderr.write(`${version}\n`);
    return 0;
  }
  if (hasFlag(raw, 'help')) {
    await showHelp(context, raw.path, true);
    return 0;
  }
  return undefined;
}

/** The name shown in help: the one the user typed, when it is one of ours. */
function programName(argv: readonly string[]): string {
  const base = (argv[0] ?? 'choria').split(/[\\/]/).at(-1) ?? 'choria';
  return base === 'mco' ? 'mco' : 'choria';
}

/**
 * @param argv the words of the command line, the program's name first
 * @returns the exit code: 0 for success, 1 for every failure, or what the command's page says
 * @example
 * const exitCode = await runCli(['choria', 'find', '-F', 'country=mt'], context);
 */
export async function runCli(argv: readonly string[], given: CliContext): Promise<number> {
  const context: CliContext = {...given, platform: withQuestions(given)};
  if (programName(argv) === 'mco') {
    const {runMco} = await import('./mco/main.ts');
    return runMco({context, words: argv.slice(1), runLine: (root, words) => runProgramLine(root, {words, context})});
  }
  return runProgramLine(program, {words: argv.slice(1), context});
}

/** What needs a PIN asks for it here. */
function withQuestions({platform, stdin, stdout}: CliContext): CliContext['platform'] {
  if (stdin.readLine === undefined || !stdin.isTerminal) return platform;
  return {
    ...platform,
    askSecret: (question) => {
      stdout.write(`? ${question} `);
      return stdin.readLine?.({isSecret: true}) ?? Promise.resolve(undefined);
    },
  };
}

/** A command that a plugin brings; only `choria broker` takes some. Undefined when none is registered by that name. */
async function runPlugin(context: CliContext, raw: RawCommandLine): Promise<number | undefined> {
  const [name, ...words] = raw.unknown ?? [];
  if (name === undefined || raw.path.length !== 2 || raw.path[1]?.name !== 'broker') return undefined;
  const {runBrokerPlugin} = await import('./broker-plugins.ts');
  try {
    return await runBrokerPlugin(context, {name, words});
  } catch (error) {
    return reportFailure(context, `broker ${name}`, error);
  }
}

interface Line {
  readonly words: readonly string[];
  readonly context: CliContext;
}

async function runProgramLine(root: CommandSpec, {words, context}: Line): Promise<number> {
  const readLines = await readArgumentFiles(words, context);
  const raw = parseCommandLine(root, words, {readLines});
  const builtIn = await runBuiltIn(context, root, {words, raw});
  if (builtIn !== undefined) return builtIn;
  if (raw.error !== undefined) return (await runPlugin(context, raw)) ?? reportUsage(context, raw, raw.error);
  const command = raw.path.at(-1);
  if (command?.run === undefined) {
    const text = 'a subcommand from the list below is required, use --help for full help including flags and arguments';
    return reportUsage(context, raw, new CliError('ERR_CLI_COMMAND', text));
  }
  let parsed: ReturnType<typeof convertCommandLine>;
  try {
    parsed = convertCommandLine(raw);
  } catch (error) {
    if (error instanceof CliError) return reportUsage(context, raw, error);
    throw error;
  }
  const profile = parsed.flags['profile'];
  const endProfile = typeof profile === 'string' ? await context.startProfile?.(profile) : undefined;
  try {
    const implementation = await command.run();
    return await implementation(context, parsed);
  } catch (error) {
    const name = raw.path.slice(1).map((part) => part.name);
    return reportFailure(context, name.join(' '), error);
  } finally {
    await endProfile?.();
  }
}
