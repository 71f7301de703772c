/**
 * Holds the documents to the tree: every path, link, npm script and choria command that they name is there.
 */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {program} from '../src/cli/commands/index.ts';
import {convertCommandLine} from '../src/cli/convert.ts';
import {mcoProgram} from '../src/cli/mco/program.ts';
import {parseCommandLine} from '../src/cli/parse.ts';
import type {CommandSpec} from '../src/cli/types.ts';
import {splitShellWords} from '../src/discovery/index.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {scripts: Record<string, string>}).scripts,
);

/** Words in backticks that start like this are paths of the repository. */
const pathPattern = /`((?:src|test|docs|tools|bench|bin|examples|\.ci)\/[^`\s*{}<>]*)`/g;
const linkPattern = /\[[^\]]*\]\(([^)\s]+)\)/g;
const npmPattern = /\bnpm (?:run )?(demo|test|[a-z][a-z:-]*)\b/g;
const commandPattern = /^(?:\$ )?choria ([a-z][a-z ]*[a-z])/gm;

function documents(): readonly string[] {
  const inRoot = readdirSync(root).filter((name) => name.endsWith('.md'));
  const below = (folder: string): readonly string[] =>
    readdirSync(join(root, folder), {withFileTypes: true, recursive: true})
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return [...inRoot, ...below('docs'), ...below('src'), ...below('bench'), ...below('examples')];
}

function findCommand(words: readonly string[]): boolean {
  let current: CommandSpec = program;
  for (const [index, word] of words.entries()) {
    const next = current.commands?.find((item) => item.name === word || item.aliases?.includes(word) === true);
    if (next === undefined) return index > 0 && current.commands === undefined;
    current = next;
  }
  return true;
}

describe('the documents', () => {
  const pages = documents().map((path) => ({path, text: readFileSync(join(root, path), 'utf8')}));

  test('there are some', () => {
    expect(pages.map((page) => page.path)).toEqual(
      expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']),
    );
  });

  test('every path they name exists', () => {
    const missing = pages.flatMap((page) =>
      [...page.text.matchAll(pathPattern)]
        .map((match) => match[1] ?? '')
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${page.path}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  test('every link inside the repository leads somewhere', () => {
    const broken = pages.flatMap((page) =>
      [...page.text.matchAll(linkPattern)]
        .map((match) => (match[1] ?? '').split('#')[0] ?? '')
        .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(resolve(root, dirname(page.path), target)))
        .map((target) => `${page.path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('every npm script they name is in package.json', () => {
    const builtIn = new Set(['ci', 'install', 'publish']);
    const unknown = pages.flatMap((page) =>
      [...page.text.matchAll(npmPattern)]
        .filter((match) => match[0].startsWith('npm run ') || match[1] === 'test')
        .map((match) => match[1] ?? '')
        .filter((name) => !scripts.includes(name) && !builtIn.has(name))
        .map((name) => `${page.path}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  test('every choria command they show exists', () => {
    const unknown = pages.flatMap((page) =>
      [...page.text.matchAll(/```[a-z]*\n([\s\S]*?)```/g)]
        .flatMap((block) => [...(block[1] ?? '').matchAll(commandPattern)])
        .map((match) => (match[1] ?? '').split(' '))
        .filter((words) => !findCommand(words.slice(0, 1)))
        .map((words) => `${page.path}: choria ${words.join(' ')}`),
    );
    expect(unknown).toEqual([]);
  });

  /** Command lines in blocks, one that ends in a backslash joined with the next; what a shell does with them is cut off. */
  function commandLines(text: string): readonly string[] {
    return [...text.matchAll(/```[a-z]*\n([\s\S]*?)```/g)]
      .flatMap((block) => (block[1] ?? '').replaceAll('\\\n', ' ').split('\n'))
      .map((line) => line.replace(/^\$ /, '').replace(/ +#.*$/, ''))
      .filter((line) => /^(?:choria|mco) /.test(line))
      .map((line) => line.replace(/ (?:&|> [\w./-]+|\| [^'"]*)$/, '').trim());
  }

  test('every command line of the guides is one that the program takes, with its flags, values and arguments', () => {
    const lines = pages
      .filter((page) => page.path.startsWith(join('docs', 'guides')) || page.path === 'README.md')
      .flatMap((page) => commandLines(page.text).map((line) => ({line, path: page.path})));
    expect(lines.length).toBeGreaterThan(30);
    const refused = lines.flatMap(({line, path}) => {
      const [name, ...words] = splitShellWords(line);
      const root = name === 'mco' ? mcoProgram('current') : program;
      const raw = parseCommandLine(root, words, {readLines: () => []});
      if (raw.error !== undefined) return [`${path}: ${line}: ${raw.error.message}`];
      if (raw.path.at(-1)?.run === undefined) return [`${path}: ${line}: no command`];
      try {
        convertCommandLine(raw);
        return [];
      } catch (error) {
        return [`${path}: ${line}: ${String(error)}`];
      }
    });
    expect(refused).toEqual([]);
  });
});
