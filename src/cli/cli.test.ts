import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {convertCommandLine} from './convert.ts';
import {CliError} from './errors.ts';
import {commandHelp, wrapText} from './help.ts';
import {parseCommandLine} from './parse.ts';
import {editDistance, suggest} from './suggest.ts';
import type {CommandSpec, ParsedArguments} from './types.ts';
import {completeWords} from './complete.ts';

const program: CommandSpec = {
  name: 'choria',
  help: 'A program',
  flags: [
    {name: 'help', kind: 'boolean', help: 'Show help'},
    {name: 'debug', kind: 'boolean', help: 'Debug'},
  ],
  commands: [
    {
      name: 'req',
      aliases: ['rpc'],
      help: 'Calls an action',
      arguments: [
        {name: 'agent', help: 'The agent', required: true},
        {name: 'action', help: 'The action', required: true},
        {name: 'args', help: 'Inputs', kind: 'map', repeatable: true},
      ],
      flags: [
        {name: 'json', short: 'j', kind: 'boolean', help: 'JSON'},
        {name: 'verbose', short: 'v', kind: 'boolean', help: 'More'},
        {name: 'facts', kind: 'boolean', negatable: true, default: 'true', help: 'Facts'},
        {name: 'wf', short: 'F', kind: 'string', repeatable: true, help: 'Facts filter'},
        {name: 'target', short: 'T', kind: 'string', help: 'Collective'},
        {name: 'batch', kind: 'integer', default: '0', help: 'Batch'},
        {name: 'wait', kind: 'duration', help: 'Wait'},
        {name: 'display', kind: 'enum', values: ['ok', 'failed'], help: 'Which'},
      ],
    },
    {
      name: 'jwt',
      help: 'Tokens',
      commands: [
        {name: 'keys', help: 'Keys', arguments: [{name: 'seed', help: 'Seed', required: true}]},
        {
          name: 'view',
          help: 'Shows one',
          isDefault: true,
          arguments: [{name: 'file', help: 'File', required: true}],
          flags: [{name: 'raw', kind: 'boolean', help: 'Raw'}],
        },
      ],
    },
    {
      name: 'tool',
      help: 'Tools',
      flags: [{name: 'config', kind: 'file', help: 'Configuration'}],
      commands: [
        {name: 'status', help: 'State', flags: [{name: 'file', kind: 'string', required: true, help: 'File'}]},
      ],
    },
  ],
};

const files: Readonly<Record<string, readonly string[]>> = {list: ['a=1', '-j', '@list'], self: ['@self']};
const options = {readLines: (path: string) => files[path] ?? []};

function parse(...words: string[]): ParsedArguments {
  const raw = parseCommandLine(program, words, options);
  if (raw.error !== undefined) throw raw.error;
  return convertCommandLine(raw);
}

describe('a command line', () => {
  test('takes flags in every written form, before, between and behind the arguments', () => {
    for (const words of [
      ['req', '-T', 'x', 'a', 'b'],
      ['req', '-Tx', 'a', 'b'],
      ['req', 'a', '--target', 'x', 'b'],
      ['req', 'a', 'b', '--target=x'],
      ['--debug', 'rpc', 'a', 'b', '-T', 'x'],
    ]) {
      expect(parse(...words)).toMatchObject({
        command: ['req'],
        flags: {target: 'x'},
        arguments: {agent: 'a', action: 'b'},
      });
    }
  });

  test('combines short boolean flags, the last of which may take a value', () => {
    expect(parse('req', 'a', 'b', '-jvTx').flags).toMatchObject({json: true, verbose: true, target: 'x'});
  });

  test('negates only the flags that say so', () => {
    expect(parse('req', 'a', 'b').flags['facts']).toBe(true);
    expect(parse('req', 'a', 'b', '--no-facts').flags['facts']).toBe(false);
    expect(() => parse('req', 'a', 'b', '--no-json')).toThrow("unknown long flag '--no-json'");
  });

  test('collects repeatable flags and refuses to repeat others', () => {
    expect(parse('req', 'a', 'b', '-F', 'x=1', '--wf', 'y=2').flags['wf']).toEqual(['x=1', 'y=2']);
    expect(() => parse('req', 'a', 'b', '-T', 'x', '-T', 'y')).toThrow("flag 'target' cannot be repeated");
  });

  test('cuts integers as floats and reads durations into milliseconds', () => {
    expect(parse('req', 'a', 'b', '--batch', '2.7', '--wait', '1m').flags).toMatchObject({batch: 2, wait: 60_000});
    expect(() => parse('req', 'a', 'b', '--batch', 'x')).toThrow('strconv.ParseFloat: parsing "x": invalid syntax');
    expect(() => parse('req', 'a', 'b', '--batch', '')).toThrow('invalid syntax');
  });

  test('takes a value that starts with a dash only behind an equals sign', () => {
    expect(() => parse('req', 'a', 'b', '--target', '-1')).toThrow("expected argument for flag '--target'");
    expect(parse('req', 'a', 'b', '--target=-1').flags['target']).toBe('-1');
    expect(() => parse('req', 'a', 'b', '-F')).toThrow("expected argument for flag '-F'");
  });

  test('ends flags at a double dash and keeps a lone dash', () => {
    expect(parse('jwt', 'view', '--', '--raw').arguments['file']).toBe('--raw');
    expect(parse('jwt', 'view', '-').arguments['file']).toBe('-');
  });

  test('goes to the default sub command when none is named', () => {
    expect(parse('jwt', 'token.jwt')).toMatchObject({command: ['jwt', 'view'], arguments: {file: 'token.jwt'}});
    expect(parse('jwt', '--raw', 'token.jwt').command).toEqual(['jwt', 'view']);
    expect(parse('jwt', 'keys', 's').command).toEqual(['jwt', 'keys']);
  });

  test('splits inputs at the first equals sign or colon, also into keys that objects have', () => {
    expect(parse('req', 'a', 'b', 'x=1=2', 'y:3', '__proto__=z').arguments['args']).toEqual(
      Object.assign(Object.create(null) as object, {x: '1=2', y: '3', ['__proto__']: 'z'}),
    );
    expect(() => parse('req', 'a', 'b', 'foo')).toThrow("expected KEY=VALUE got 'foo'");
  });

  test('reads arguments from a file once, also when the file names itself', () => {
    expect(() => parse('req', 'a', 'b', '@self')).toThrow("expected KEY=VALUE got '@self'");
    expect(() => parse('req', 'a', 'b', '@list')).toThrow("expected KEY=VALUE got '@list'");
  });

  test('names what is missing, left over or unknown, and what was probably meant', () => {
    expect(() => parse('req', 'a')).toThrow("required argument 'action' not provided");
    expect(() => parse('tool', 'status')).toThrow('required flag --file not provided');
    expect(() => parse('jwt', 'view', 'a', 'b')).toThrow('unexpected argument b');
    expect(() => parse('rqe', 'a')).toThrow('expected command but got "rqe", did you mean \'req\'?');
    expect(() => parse('req', 'a', 'b', '--jsom')).toThrow("unknown long flag '--jsom', did you mean '--json'?");
    expect(() => parse('req', 'a', 'b', '-Q')).toThrow("unknown short flag '-Q'");
    expect(() => parse('req', 'a', 'b', '--display', 'fialed')).toThrow(
      "enum value must be one of ok,failed, got 'fialed', did you mean 'failed'?",
    );
  });

  test('whatever is typed either parses or is one of our errors', () => {
    const word = fc.oneof(
      fc.constantFrom(
        'req',
        'jwt',
        'tool',
        '-F',
        '--wf',
        '--',
        '-',
        '@list',
        '--json',
        '-jv',
        '--no-facts',
        '--batch=1',
        'a=b',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word, {maxLength: 12}), (words) => {
        const raw = parseCommandLine(program, words, options);
        if (raw.error !== undefined) {
          expect(raw.error).toBeInstanceOf(CliError);
          return;
        }
        try {
          convertCommandLine(raw);
        } catch (error) {
          expect(error).toBeInstanceOf(CliError);
        }
      }),
    );
  });
});

describe('help', () => {
  const req = program.commands?.[0];

  test('shows one page per command in two columns', () => {
    const page = commandHelp([program, req ?? program], {columns: 80, full: false});
    expect(page).toContain('usage: choria req [<flags>] <agent> <action> [<args>...]\n\nCalls an action\n\nArgs:\n');
    expect(page).toContain(
      '\n  -F, --wf=WF ...        Facts filter\n      --target'.split('\n      --target')[0] ?? '',
    );
    expect(page).toContain('      --[no-]facts');
    expect(page.endsWith('\nPass --help to see global flags applicable to this command.\n')).toBe(true);
  });

  test('adds the flags of the commands above only when asked for in full', () => {
    const tool = program.commands?.[2];
    const status = tool?.commands?.[0];
    const page = commandHelp([program, tool ?? program, status ?? program], {columns: 80, full: true});
    expect(page).toContain('Global Flags:\n  --help           Show help\n');
    expect(page).toContain('--config=CONFIG');
  });

  test('wraps at words and leaves indented examples alone', () => {
    expect(wrapText('aa bb cc', 5)).toEqual(['aa bb', 'cc']);
    expect(wrapText(`  # ${'x '.repeat(20)}`, 5)).toHaveLength(1);
  });
});

describe('completion', () => {
  const complete = (...words: string[]) =>
    completeWords(parseCommandLine(program, words.slice(0, -1), {...options, enterDefaults: false}), words);

  test('offers commands, flags and the values of a flag', () => {
    expect(complete('')).toEqual(['help', 'req', 'jwt', 'tool']);
    expect(complete('jwt', '')).toEqual(['keys', 'view']);
    expect(complete('req', '--display', '')).toEqual(['ok', 'failed']);
    expect(complete('req', '--')).toContain('--no-facts');
  });
});

describe('suggestions', () => {
  test('count swaps as one edit and stay silent when nothing is near', () => {
    expect(editDistance('pign', 'ping')).toBe(1);
    expect(suggest('pign', ['ping', 'req'])).toBe('ping');
    expect(suggest('zzzz', ['ping', 'req'])).toBeUndefined();
  });
});
