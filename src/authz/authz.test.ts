import {describe, expect, test} from 'vitest';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {FakeFiles} from '../../test/support/fake-files.ts';
import {createActionPolicy, parsePolicy} from './index.ts';

const request = {agent: 'puppet', action: 'runonce', callerId: 'choria=bob', requestId: 'r1'};
const node = {factsJson: async () => Buffer.from('{"country":"mt"}'), classes: async () => ['apache']};

function policyOf(
  text: string,
  extra: Readonly<Record<string, string>> = {},
): {policy: ReturnType<typeof createActionPolicy>; files: FakeFiles; logger: ReturnType<typeof createRecordingLogger>} {
  const files = new FakeFiles({'/p/puppet.policy': text, ...extra});
  const logger = createRecordingLogger();
  const policy = createActionPolicy({
    files,
    logger,
    directory: '/p',
    defaultName: undefined,
    allowUnconfigured: false,
    classesKnown: true,
  });
  return {policy, files, logger};
}

const lines = [
  'policy default deny',
  'allow\tchoria=alice\t*\t*\t*',
  'allow\tadmins\tstatus\t*\t*',
  'allow\tadmins\trunonce\tcountry=uk\t*',
  'allow\tadmins\trunonce\tcountry=mt\tapache',
];

describe('action policy', () => {
  test('an explanation names the line that decided and why others did not', async () => {
    const {policy, logger} = policyOf(lines.join('\n'), {'/p/groups': 'admins choria=bob\n'});
    const result = await policy.explain(request, node);
    expect(result).toMatchObject({allowed: true, file: 'puppet.policy', line: 5});
    expect(result.steps.map(({outcome}) => outcome)).toEqual([
      'default',
      'other caller',
      'other action',
      'facts or classes do not match',
      'matched',
    ]);
    expect(logger.lines).toEqual([]);
  });

  test('a changed policy counts for the next request', async () => {
    const {policy, files} = policyOf('policy default deny\n');
    expect((await policy.authorize(request, node)).allowed).toBe(false);
    await files.writeAtomic('/p/puppet.policy', 'policy default allow\n', {mode: 0o644});
    expect((await policy.authorize(request, node)).allowed).toBe(true);
  });

  test('a node whose facts cannot be read denies rules that need them', async () => {
    const {policy} = policyOf('policy default allow\nallow\t*\t*\tcountry=mt\t*\n');
    const broken = {...node, factsJson: () => Promise.reject(new Error('the disk is gone'))};
    expect(await policy.authorize(request, broken)).toEqual({allowed: false, reason: 'the disk is gone'});
  });

  test('a group never holds a caller without a name', async () => {
    const {policy} = policyOf('allow\tadmins\t*\t*\t*\n', {'/p/groups': 'admins choria=bob \n'});
    expect((await policy.authorize({...request, callerId: ''}, node)).allowed).toBe(false);
  });

  test.each([
    ['allow\t*\t*\t*\tApache', 'compared in lower case'],
    ['allow\t*\t*\tfloat>1.5\t*', 'greater'],
    ['allow\t*\t*\t*\t* ', 'blank at the end'],
    ['allow\t*\t/status/\t*\t*', 'patterns are not known'],
    ['allow\t*\t*\t*', 'no classes column'],
    ['allow * * * *', 'invalid policy line'],
    ['policy default alow', 'neither allow nor deny'],
  ])('%j gets a warning', (text, part) => {
    const [warning] = parsePolicy(`# first\n${text}\n`).warnings;
    expect(warning?.line).toBe(2);
    if (part !== 'greater') expect(warning?.message).toContain(part);
  });
});
