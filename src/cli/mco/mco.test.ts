import {describe, expect, test} from 'vitest';
import {runCliForTest} from '../../../test/support/cli.ts';
import {exitCodeOf} from './exit-codes.ts';
import {convertCommandLine} from '../convert.ts';
import {parseCommandLine} from '../parse.ts';
import {mcoProgram} from './program.ts';

describe('the names of options in the classic client', () => {
  const read = (words: readonly string[]) => {
    const raw = parseCommandLine(mcoProgram('classic'), words, {readLines: () => []});
    expect(raw.error).toBeUndefined();
    return convertCommandLine(raw).flags;
  };

  test.each([
    [['--with-fact', 'x=y', '--dt=3'], {wf: ['x=y'], 'discovery-timeout': 3}],
    [['-1', '--ln', '3'], {one: true, limit: '3'}],
    [['--limit-nodes', '10%', '--no-progress'], {limit: '10%', np: true}],
    [['--nr', '--arg', 'a=b', '--disc-method', 'flatfile'], {'no-results': true, argument: ['a=b'], dm: 'flatfile'}],
  ])('%j is read as %j', (words, flags) => {
    expect(read(['rpc', 'a', 'b', ...words])).toMatchObject(flags);
  });
});

describe('exit codes of the classic client', () => {
  test.each([
    [{discovered: 5, responses: 5, failed: 0}, true, 0],
    [{discovered: 0, responses: 0, failed: 0}, true, 1],
    [{discovered: 5, responses: 5, failed: 1}, true, 2],
    [{discovered: 5, responses: 0, failed: 0}, true, 3],
    [{discovered: 1, responses: 0, failed: 0}, false, 4],
  ])('%j, discovered: %s, is %i', (statistics, isDiscovered, code) => {
    expect(exitCodeOf(statistics, {isDiscovered})).toBe(code);
  });
});

describe('applications that need no network', () => {
  test('filters are said in words', async () => {
    const argv = ['mco', 'describe_filter', '--with-fact', 'country=mt', '-C', '/web/', '-W', 'db os.family=Debian'];
    const {stdout, exit} = await runCliForTest({argv});
    expect(exit).toBe(0);
    expect(stdout).toContain(
      "-F filter expands to the following fact comparisons:\n\n  Check if fact 'country' == 'mt'\n",
    );
    expect(stdout).toContain("Check if class '/web/' is present on the host");
    expect(stdout).toContain("Check if class 'db' is present on the host");
    expect(stdout).toContain("Check if fact 'os.family' == 'Debian'");
  });

  test('a filter that is none fails in the form of the classic client', async () => {
    const {stderr, exit} = await runCliForTest({argv: ['mco', 'describe_filter', '-F', 'country']});
    expect(exit).toBe(1);
    expect(stderr).toContain('The \u001b[1mdescribe_filter\u001b[0m application failed to run');
  });

  test.each([[['mco']], [['mco', 'help']], [['mco', 'help', 'find']]])(
    '%j shows help on standard output',
    async (argv) => {
      const {stdout, stderr, exit} = await runCliForTest({argv});
      expect({stderr, exit}).toEqual({stderr: '', exit: 0});
      expect(stdout).toMatch(/find|nodes/);
    },
  );

  test('agents, actions and inputs are listed for shells', async () => {
    const lists = [['--list-agents'], ['--list-actions', '--agent', 'rpcutil'], ['--list-applications']];
    const [agents, actions, applications] = await Promise.all(
      lists.map(async (flags) => (await runCliForTest({argv: ['mco', 'completion', ...flags]})).stdout.split('\n')),
    );
    expect(agents).toContain('rpcutil');
    expect(actions).toContain('get_fact');
    expect(applications).toContain('describe_filter');
  });
});
