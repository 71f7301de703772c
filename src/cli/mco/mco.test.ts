import {describe, expect, test} from 'vitest';
import {runCliForTest} from '../../../test/support/cli.ts';
import {exitCodeOf} from './exit-codes.ts';
import {classicWords} from './words.ts';

describe('the names of options in the classic client', () => {
  test.each([
    [
      ['rpc', 'a', 'b', '--with-fact', 'x=y', '--dt=3'],
      ['rpc', 'a', 'b', '--wf', 'x=y', '--discovery-timeout=3'],
    ],
    [
      ['rpc', 'a', 'b', '-1', '--ln', '3'],
      ['rpc', 'a', 'b', '--limit', '1', '--limit', '3'],
    ],
    [
      ['rpc', 'a', 'b', '--', '--dt'],
      ['rpc', 'a', 'b', '--', '--dt'],
    ],
    [
      ['rpc', 'a', 'b', '--dtx', '-1x'],
      ['rpc', 'a', 'b', '--dtx', '-1x'],
    ],
  ])('%j is read as %j', (words, read) => {
    expect(classicWords(words)).toEqual(read);
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
      expect(stdout).toContain('find');
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
