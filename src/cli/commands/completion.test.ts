/** The scripts in the shells themselves; what they ask the program for is answered by a stand-in with the program's own answers. */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {runCliForTest} from '../../../test/support/cli.ts';

const asked: readonly (readonly string[])[] = [
  ['completion', '--list', 'agents'],
  ['completion', '--zsh', '--list', 'agents'],
  ['completion', '--list', 'actions', '--agent', 'rpcutil'],
  ['completion', '--zsh', '--list', 'actions', '--agent', 'rpcutil'],
  ['completion', '--list', 'inputs', '--agent', 'rpcutil', '--action', 'get_fact'],
  ['completion', '--zsh', '--list', 'inputs', '--agent', 'rpcutil', '--action', 'get_fact'],
  ['--completion-bash', 'to'],
  ['--completion-bash', 'tool', ''],
  ['--completion-bash', 'find', '--dm', ''],
  ['--completion-bash', 'find', '--disc'],
];

let folder = '';
const scripts = new Map<string, string>();

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'choria-completion-'));
  const cases: string[] = [];
  for (const words of asked) {
    const {stdout} = await runCliForTest({argv: ['choria', ...words]});
    cases.push(`${quoted(words.join(' '))}) printf %s ${quoted(stdout)} ;;`);
  }
  writeFileSync(join(folder, 'choria'), `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\n*) exit 1 ;;\nesac\n`, {
    mode: 0o755,
  });
  for (const [name, argv] of [
    ['bash', ['completion', '--bash']],
    ['zsh', ['completion', '--zsh']],
    ['plain.bash', ['--completion-script-bash']],
    ['plain.zsh', ['--completion-script-zsh']],
  ] as const) {
    const {stdout} = await runCliForTest({argv: ['choria', ...argv]});
    const path = join(folder, name);
    writeFileSync(path, stdout);
    scripts.set(name, path);
  }
});
afterAll(() => rmSync(folder, {recursive: true, force: true}));

function runShell(shell: string, args: readonly string[], text: string): readonly string[] {
  const env = {PATH: `${folder}:/usr/bin:/bin`, HOME: folder};
  const {stdout, stderr, status} = spawnSync(shell, [...args, '-c', text], {encoding: 'utf8', env});
  expect({stderr, status}).toEqual({stderr: '', status: 0});
  return stdout.split('\n').filter((line) => line !== '');
}

/** What bash offers behind these words; the function is found as bash finds it. */
function inBash(script: string, words: readonly string[]): readonly string[] {
  const list = ['choria', ...words].map(quoted).join(' ');
  return runShell(
    'bash',
    ['--norc', '--noprofile'],
    `source ${quoted(scripts.get(script) ?? '')}
     COMP_WORDS=(${list}); COMP_CWORD=${words.length}; COMPREPLY=()
     spec=$(complete -p choria); [[ "$spec" =~ -F\\ ([^ ]+) ]]; "\${BASH_REMATCH[1]}" 2>/dev/null
     printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
}

/** What zsh is handed: the names of the arrays that the script passes to its completion builtins are shown. */
function inZsh(script: string, words: readonly string[]): readonly string[] {
  const list = ['choria', ...words].map(quoted).join(' ');
  return runShell(
    'zsh',
    ['-f'],
    `typeset -g handler
     compdef() { handler=$1 }
     _describe() { local name=$2; print -rl -- "\${(@P)name}" }
     compadd() { local name=$@[-1]; print -rl -- "\${(@P)name}" }
     _files() { : }
     source ${quoted(scripts.get(script) ?? '')}
     words=(${list}); CURRENT=${words.length + 1}
     $handler`,
  );
}

describe.each(['bash', 'zsh'] as const)('completion in %s', (shell) => {
  const complete = (words: readonly string[]): readonly string[] =>
    shell === 'bash' ? inBash(shell, words) : inZsh(shell, words).map((line) => line.split(':')[0] ?? '');

  test('offers agents, then the actions of the agent, then the inputs of the action', () => {
    expect(complete(['req', 'rpc'])).toContain('rpcutil');
    expect(complete(['req', 'rpcutil', 'get'])).toEqual(expect.arrayContaining(['get_config_item', 'get_fact']));
    const input = shell === 'bash' ? 'fact=' : 'fact';
    expect(complete(['req', 'rpcutil', 'get_fact', 'f'])).toContain(input);
  });

  test('offers agents behind flags too', () => {
    expect(complete(['req', '--json', 'rpc'])).toContain('rpcutil');
  });

  test('offers sub commands, flags and values of flags', () => {
    expect(complete(['to'])).toContain('tool');
    expect(complete(['tool', ''])).toEqual(expect.arrayContaining(['config', 'sha256', 'status']));
    expect(complete(['find', '--dm', ''])).toEqual(expect.arrayContaining(['broadcast', 'flatfile']));
    expect(complete(['find', '--disc'])).toContain('--discovery-timeout');
  });

  test('the generic script offers the same commands', () => {
    const found = shell === 'bash' ? inBash('plain.bash', ['tool', '']) : inZsh('plain.zsh', ['tool', '']);
    expect(found).toEqual(expect.arrayContaining(['config', 'sha256', 'status']));
  });
});
