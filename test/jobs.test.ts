/** The jobs behind npm scripts say what they take, and refuse what they do not before they begin. */
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {afterEach, describe, expect, test, vi} from 'vitest';

const root = join(import.meta.dirname, '..');

class Ended extends Error {}

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

const {argv} = process;
afterEach(() => {
  process.argv = argv;
  vi.restoreAllMocks();
  vi.resetModules();
});

/** Runs a job in this process up to where it ends it: starting each as a program would take seconds. */
async function runHere(file: string, words: readonly string[]): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []];
  const into = (parts: string[]) => (text: string | Uint8Array) => {
    parts.push(String(text));
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(into(out));
  vi.spyOn(process.stderr, 'write').mockImplementation(into(err));
  let exit: number | undefined;
  vi.spyOn(process, 'exit').mockImplementation((code) => {
    // The first one counts: a real one does not come back.
    exit ??= Number(code);
    throw new Ended();
  });
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  process.argv = ['node', join(root, file), ...words];
  try {
    await import(pathToFileURL(join(root, file)).href);
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
  }
  return {stdout: out.join(''), stderr: err.join(''), exit: exit ?? -1};
}

function runScript(words: readonly string[]): Run {
  const {stdout, stderr, status} = spawnSync(process.execPath, [join(root, 'tools/run.mjs'), ...words], {
    encoding: 'utf8',
  });
  return {stdout, stderr, exit: status ?? -1};
}

/** How each job is run, and something wrong besides an unknown option. */
const jobs: readonly (readonly [
  string,
  (words: readonly string[]) => Run | Promise<Run>,
  readonly string[],
  string,
])[] = [
  ['fuzz', (words) => runHere('tools/fuzz.ts', words), ['--minutes', 'x'], '--minutes is "x"'],
  [
    'planted',
    (words) => runHere('tools/planted.ts', words),
    ['no-such-mistake'],
    'there is no planted mistake "no-such-mistake"',
  ],
  ['sim', (words) => runHere('tools/sim.ts', words), ['--tls', 'maybe'], '--tls is "maybe", expected twin or real'],
  [
    'soak',
    (words) => runHere('tools/soak.ts', words),
    ['--requests', '1.5'],
    '--requests is "1.5", expected a whole number',
  ],
  ['bench', (words) => runHere('bench/run.ts', words), ['nothing'], 'there is no group "nothing"'],
  ['conformance', (words) => runHere('test/conformance/run.ts', words), ['cli'], "Unexpected argument 'cli'"],
  ['peers', (words) => runScript(['peers', ...words]), ['--bail'], "Option '--bail <value>' argument missing"],
  ['build', (words) => runScript(['build', ...words]), ['fast'], "Unexpected argument 'fast'"],
];

describe.each(jobs)('npm run %s', (name, run, wrong, reason) => {
  test('shows what it takes and ends with 0', async () => {
    const {stdout, stderr, exit} = await run(['--help']);
    expect({stderr, exit}).toEqual({stderr: '', exit: 0});
    expect(stdout).toMatch(new RegExp(`^usage: npm run ${name} -- \\[OPTION\\.\\.\\.\\]`));
    expect(stdout).toContain('--help');
  });

  test('refuses what it does not know in one line and ends with 2', async () => {
    for (const [words, text] of [
      [['--no-such-option'], "Unknown option '--no-such-option'"],
      [wrong, reason],
    ] as const) {
      const {stdout, stderr, exit} = await run(words);
      expect({stdout, exit}).toEqual({stdout: '', exit: 2});
      expect(stderr).toContain(`Cannot run ${name}: ${text}`);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      vi.restoreAllMocks();
      vi.resetModules();
    }
  });
});
