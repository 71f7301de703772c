/** Programs that bring sub commands of `choria broker`: registered, run, and refused. */
import {chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {type CliTestResult, runCliForTest} from '../../test/support/cli.ts';
import {runWithOwnTerminal} from './node-terminal.ts';

const description = '{"name":"tool","help":"Helps","commands":[{"name":"bar","help":"Bar"}]}';
let root = '';
let ran: (readonly [string, readonly string[]])[] = [];
let file = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'choria-broker-plugins-'));
  ran = [];
  file = join(root, 'data/nats/cli/plugins/foo.json');
  script('tool', `echo '${description}'`);
});
afterEach(() => rmSync(root, {recursive: true, force: true}));

function script(name: string, text: string, mode = 0o700): string {
  const path = join(root, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, mode);
  return path;
}

function broker(...words: readonly string[]): Promise<CliTestResult> {
  return runCliForTest({
    argv: ['choria', 'broker', ...words],
    env: {XDG_DATA_HOME: join(root, 'data')},
    cwd: root,
    runInTerminal: (command, args = []) => {
      ran.push([command, args]);
      return Promise.resolve(7);
    },
  });
}
const register = (name: string, command: string, ...more: readonly string[]): Promise<CliTestResult> =>
  broker('plugins', 'register', name, command, ...more);

describe('choria broker plugins', () => {
  test('registers a program in the form of the nats program, private to the user', async () => {
    const command = join(root, 'tool');
    expect(await register('foo', command)).toEqual({
      stdout: `Plugin foo using command ${command} was added or updated\n`,
      stderr: '',
      output: '',
      exit: 0,
    });
    expect(readFileSync(file, 'utf8')).toBe(`{"cmd":"${command}","def":${description}}`);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(dirname(file)).mode & 0o777).toString(8)).toBe('700');
  });

  test('runs it as a sub command, with the words behind its name as they are, and ends with its exit code', async () => {
    const command = join(root, 'tool');
    await register('foo', command);
    expect(await broker('--connect-timeout', '2s', 'foo', 'bar', '--x=1', '@y', '--', '-z', '')).toMatchObject({
      exit: 7,
    });
    expect(await broker('foo', '--help')).toMatchObject({exit: 7, stderr: ''});
    expect(await broker('foo')).toMatchObject({exit: 7});
    expect(ran).toEqual([
      [command, ['bar', '--x=1', '@y', '--', '-z', '']],
      [command, ['--help']],
      [command, []],
    ]);
  });

  test('replaces a registration only when told to', async () => {
    await register('foo', join(root, 'tool'));
    const other = script('other', `echo '${description}'`);
    expect(await register('foo', other)).toMatchObject({exit: 1, stdout: expect.stringContaining('use --force')});
    expect(readFileSync(file, 'utf8')).toContain('/tool"');
    expect(await register('foo', other, '--force')).toMatchObject({exit: 0});
    expect(readFileSync(file, 'utf8')).toContain('/other"');
  });

  test.each([
    ['Foo', 'letters from a to z'],
    ['../foo', 'letters from a to z'],
    ['', 'letters from a to z'],
    ['run', 'is a command of its own'],
    ['b', ''],
    ['sub', 'is a command of its own'],
  ])('takes the name %j only when nothing speaks against it', async (name, reason) => {
    const result = await register(name, join(root, 'tool'));
    expect(result.exit).toBe(reason === '' ? 0 : 1);
    expect(result.stdout).toContain(reason);
  });

  test.each([
    ['exit 3', 0o700, 'ended with 3, expected a description'],
    ['echo hello', 0o700, 'is not JSON'],
    [`echo '{"name":"x"}'`, 0o700, 'gives no '],
    ['exit 0', 0o600, 'it is no executable file'],
  ])('does not register a program that does %j with mode %o', async (text, mode, reason) => {
    const result = await register('foo', script('bad', text, mode));
    expect(result).toMatchObject({exit: 1, stdout: expect.stringContaining(reason)});
    expect(existsSync(file)).toBe(false);
  });

  test('names a program that is not there', async () => {
    expect(await register('foo', '/nowhere/tool')).toMatchObject({
      exit: 1,
      stderr: "choria: error: path '/nowhere/tool' does not exist\n",
    });
  });

  test.each([
    ['{', 'Cannot read JSON'],
    ['{"cmd":"tool"}', 'names no program by its whole path'],
    ['[]', 'names no program by its whole path'],
  ])('runs nothing for the registration %j', async (text, reason) => {
    mkdirSync(dirname(file), {recursive: true});
    writeFileSync(file, text, {mode: 0o600});
    expect(await broker('foo')).toMatchObject({exit: 1, stdout: expect.stringContaining(reason)});
    expect(ran).toEqual([]);
  });

  test('runs nothing when others may write the registration', async () => {
    await register('foo', join(root, 'tool'));
    chmodSync(file, 0o620);
    expect(await broker('foo')).toMatchObject({exit: 1, stdout: expect.stringContaining('others may write')});
    expect(ran).toEqual([]);
  });

  test('a name that nobody registered is a typo as ever', async () => {
    expect(await broker('fooo')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('expected command but got "fooo"'),
    });
    expect(await broker('runn')).toMatchObject({exit: 1, stderr: expect.stringContaining('did you mean')});
    expect(ran).toEqual([]);
  });

  test('a program that is gone is a message', async () => {
    await register('foo', join(root, 'tool'));
    rmSync(join(root, 'tool'));
    const result = await runCliForTest({
      argv: ['choria', 'broker', 'foo'],
      env: {XDG_DATA_HOME: join(root, 'data')},
      runInTerminal: (command, words = []) => runWithOwnTerminal(command, words),
    });
    expect(result).toMatchObject({exit: 1, stdout: expect.stringContaining('cannot be run: spawn')});
  });
});
