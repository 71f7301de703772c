/** Faults 39 and 41: policies that are broken, missing or somewhere else. */
import {describe, expect, test} from 'vitest';
import {authzLimits, createActionPolicy, parsePolicy} from '../../src/authz/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {FakeFiles, systemError} from '../support/fake-files.ts';

const directory = '/etc/choria/policies';
const node = {factsJson: async () => Buffer.from('{"country":"mt"}'), classes: async () => ['apache']};

async function decideWith(
  files: FakeFiles,
  agent = 'puppet',
  defaultName?: string,
): Promise<{allowed: boolean; reason: string}> {
  const policy = createActionPolicy({
    files,
    logger: silentLogger,
    directory,
    defaultName,
    allowUnconfigured: false,
    classesKnown: true,
  });
  return policy.authorize({agent, action: 'status', callerId: 'choria=bob', requestId: 'r1'}, node);
}

const withPolicy = (text: string | Uint8Array): FakeFiles => new FakeFiles({[`${directory}/puppet.policy`]: text});

describe('fault 39: a policy that cannot be understood denies', () => {
  test.each([
    ['blanks in place of tabs', 'allow * * * *\n'],
    ['missing columns', 'allow\t*\t*\n'],
    ['a missing classes column', 'allow\t*\t*\t*\n'],
    ['another verb', 'ALLOW\t*\t*\t*\t*\n'],
    ['a byte order mark before the default', '\ufeffpolicy default allow\n'],
    ['a default that is no word we know', 'policy default allowed\n'],
    ['a star with something behind it', 'allow\tchoria=*\t*\t*\t*\n'],
    ['a star among the actions', 'allow\t*\tstat*\t*\t*\n'],
    ['nothing at all', ''],
    ['an unreadable fact', 'policy default allow\nallow\t*\t*\tcountry\t*\n'],
    ['a broken caller pattern', 'allow\t/(/\t*\t*\t*\n'],
    ['a caller pattern with nothing in it', 'allow\t//\t*\t*\t*\n'],
    ['a line that no other server reads', `#${'x'.repeat(65_535)}\nallow\t*\t*\t*\t*\n`],
    ['such a line at the end', `policy default allow\n#${'x'.repeat(65_535)}`],
  ])('fault 39: %s', async (_name, text) => {
    expect((await decideWith(withPolicy(text))).allowed).toBe(false);
  });

  test('fault 39: CRLF is fine, and a literal star allows', async () => {
    expect((await decideWith(withPolicy('policy default deny\r\nallow\t*\t*\t*\t*\r\n'))).allowed).toBe(true);
  });

  test.each([
    ['blanks in place of tabs', 'deny up=eve * * *', true],
    ['logic among the facts', 'deny\tup=eve\t*\tcountry=mt and env=x\t*', true],
    ['too few columns', 'DENY\tup=eve\t*', true],
    ['half a pattern of callers', 'deny\t/eve(/\t*\t*\t*', true],
    ['a slash at the beginning alone', 'deny\t/eve\t*\t*\t*', true],
    ['a line that allows, with blanks', 'allow up=eve * * *', false],
  ])('fault 39: a lost line is told of, and one that denies more loudly: %s', (_how, line, loosens) => {
    const [warning] = parsePolicy(`policy default allow\n${line}\n`).warnings;
    expect(warning).toMatchObject({line: 2, loosens});
  });

  test('fault 39: a line that denies as it should is not called lost', () => {
    expect(parsePolicy('policy default allow\ndeny\tup=eve /^up=x/\t*\t*\t*\n').warnings).toEqual([]);
  });

  test('fault 39: a line just short enough is read', async () => {
    const text = `#${'x'.repeat(65_534)}\nallow\t*\t*\t*\t*\n`;
    expect((await decideWith(withPolicy(text))).allowed).toBe(true);
  });

  test('fault 39: text that is not UTF-8 and files beyond the limits deny', async () => {
    const allow = Buffer.from('policy default allow\n');
    expect((await decideWith(withPolicy(Buffer.concat([allow, Buffer.from([0xff, 0xfe])])))).allowed).toBe(false);
    expect(
      (await decideWith(withPolicy(`policy default allow\n${'\n'.repeat(authzLimits.policyLinesMax)}`))).allowed,
    ).toBe(false);
    expect(
      (await decideWith(withPolicy(`policy default allow\n#${'x'.repeat(authzLimits.policyFileBytesMax)}`))).allowed,
    ).toBe(false);
  });

  test('fault 39: an unreadable policy denies and does not fall back to the default one', async () => {
    const files = new FakeFiles({
      [`${directory}/puppet.policy`]: 'policy default deny\n',
      [`${directory}/default.policy`]: 'policy default allow\n',
    });
    files.fault = (_operation, path) => (path.endsWith('puppet.policy') ? systemError('EACCES', path) : undefined);
    expect((await decideWith(files, 'puppet', 'default')).allowed).toBe(false);
  });
});

describe('fault 41: an agent name never leads outside the directory of policies', () => {
  test.each([
    '../../../tmp/evil',
    '/tmp/evil',
    'puppet/../../../tmp/evil',
    '.',
    '..',
    '',
    'evil\0',
    'a\nb',
    'x'.repeat(5_000),
    '..%2fevil',
    'puppet\\..\\evil',
  ])('fault 41: %j', async (agent) => {
    const reads: string[] = [];
    const files = new FakeFiles({
      '/tmp/evil.policy': 'policy default allow\n',
      '/etc/choria/evil.policy': 'policy default allow\n',
    });
    files.fault = (_operation, path) => {
      reads.push(path);
      return undefined;
    };
    expect((await decideWith(files, agent)).allowed).toBe(false);
    expect(reads).toEqual([]);
  });
});
