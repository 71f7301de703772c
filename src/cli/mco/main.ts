/** The name `mco`: lists and pages of applications in the layout of the Ruby client; everything else is an ordinary command line. */
import {inertLine} from '../render/inert.ts';
import {suggestionSuffix} from '../suggest.ts';
import {absentSuffix} from '../absent.ts';
import type {CliContext, CommandSpec} from '../types.ts';

import {applicationHelp} from './help.ts';
import {applicationNames, longList, shortList} from './list.ts';
import {mcoApplications, mcoProgram} from './program.ts';
import {version} from '../version.ts';
import {styleOf} from './style.ts';
import {readClassicWords} from './words.ts';

interface McoLine {
  readonly context: CliContext;
  /** Behind the program's name. */
  readonly words: readonly string[];
  readonly runLine: (root: CommandSpec, words: readonly string[]) => Promise<number>;
}

/** Words without the configuration file, which may stand before the application. */
function withoutConfig(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => word === '-c' || word === '--config');
  const open = at === -1 ? words : words.toSpliced(at, 2);
  return open.filter((word) => !word.startsWith('--config='));
}

export async function runMco({context, words, runLine}: McoLine): Promise<number> {
  const {stdout, stderr} = context;
  const style = await styleOf(context, words);
  const program = mcoProgram(style);
  const [first, second] = withoutConfig(words);
  if (first === undefined) {
    stdout.write(shortList(program));
    return 0;
  }
  if (first === '--version') {
    stdout.write(`mco ${version}\n`);
    return 0;
  }
  const isHelp = first === 'help' || first === '--help' || first === '-h';
  if (isHelp && second === undefined) {
    stdout.write(longList(program));
    return 0;
  }
  // What begins with a dash is for the program itself: its version, completion, its pages as data.
  if (first.startsWith('-') && !isHelp) return runLine(program, words);
  const name = isHelp ? (second ?? '') : first;
  const application = mcoApplications(style).find(({command}) => command.name === name);
  if (application === undefined) {
    const hint = absentSuffix([name]) || suggestionSuffix(name, applicationNames(program));
    stderr.write(`Unknown command '${inertLine(name)}'${hint}; 'mco help' lists the applications\n`);
    return 1;
  }
  const rest = words.slice(0, words.includes('--') ? words.indexOf('--') : undefined);
  if (isHelp || rest.includes('--help') || rest.includes('-h')) {
    stdout.write(applicationHelp(application));
    return 0;
  }
  const behind = words.toSpliced(words.indexOf(first), 1);
  if (application.isShim === true) return runLine(program, [first, ...behind]);
  const {words: meant, ignored} = readClassicWords(application.command, [...(await extraWords(context)), ...behind]);
  if (ignored.length > 0)
    stderr.write(`${inertLine(`The ${first} application takes no ${ignored.join(' ')}: ignored`)}\n`);
  return runLine(program, [first, ...meant]);
}

/** What somebody wants on every command line; it stands first, so that what is typed counts more. */
async function extraWords({platform}: CliContext): Promise<readonly string[]> {
  const text = platform.env['MCOLLECTIVE_EXTRA_OPTS'] ?? '';
  if (text.trim() === '') return [];
  const {splitShellWords} = await import('../../discovery/index.ts');
  return splitShellWords(text);
}
