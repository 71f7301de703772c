/** Judges lists of plugins: packed with and without a key, checked with keys, and matched with the facts given. One case per entry. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type CliTestResult, runCliForTest} from '../../../support/cli.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';
import {saysTheSame} from '../cli/_messages.ts';

interface PluginVectors {
  readonly seed_hex: string;
  readonly public_key_hex: string;
  readonly manifest_text: string;
  readonly packed_signed: unknown;
  readonly packed_unsigned: unknown;
  readonly verify: readonly {
    readonly name: string;
    readonly specification: unknown;
    readonly public_key: string;
    readonly exit: number;
    readonly output: string;
  }[];
  readonly facts: unknown;
  readonly matchers: readonly {
    readonly matcher: string;
    readonly exit: number;
    readonly matched?: boolean;
    readonly error?: string;
  }[];
}

/** The identity that the matchers were tried with (`about` of the file). */
const identity = 'node1.example.net';

/** The log line's message, or the whole text. */
function lastWords(text: string): string {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  const message = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  return message === undefined ? line : (JSON.parse(`"${message}"`) as string);
}

/** A failure says the same in our words; what is no failure is the same text. */
function outputProblem(wanted: string, got: CliTestResult): string | undefined {
  const found = `${got.stdout}${got.stderr}`;
  const before = (text: string): string =>
    text.slice(0, text.indexOf('time="') === -1 ? undefined : text.indexOf('time="'));
  if (before(wanted) !== before(found)) return found;
  if (!wanted.includes('time="')) return undefined;
  return saysTheSame(lastWords(wanted), lastWords(found)) ? undefined : found;
}

async function* judgeAll(vectors: PluginVectors, root: string): AsyncIterable<CaseResult> {
  const run = (words: readonly string[]): Promise<CliTestResult> =>
    runCliForTest({
      argv: ['choria', 'machine', 'plugins', ...words],
      mounts: [{virtual: '/scratch', real: root}],
    });
  writeFileSync(join(root, 'm.json'), vectors.manifest_text);
  writeFileSync(join(root, 'seed'), vectors.seed_hex);
  writeFileSync(join(root, 'public'), vectors.public_key_hex);
  writeFileSync(join(root, 'f.json'), JSON.stringify(vectors.facts));
  await run(['pack', '/scratch/m.json', '/scratch/seed', '--output', '/scratch/signed.json']);
  yield judgeEqual('packed_signed', vectors.packed_signed, JSON.parse(readFileSync(join(root, 'signed.json'), 'utf8')));
  const verified = await run(['verify', '/scratch/signed.json', '/scratch/public']);
  yield judgeEqual('packed_signed, verified', 0, verified.exit);
  await run(['pack', '/scratch/m.json', '--output', '/scratch/plain.json']);
  yield judgeEqual(
    'packed_unsigned',
    vectors.packed_unsigned,
    JSON.parse(readFileSync(join(root, 'plain.json'), 'utf8')),
  );
  for (const item of vectors.verify) {
    writeFileSync(join(root, 'v.json'), JSON.stringify(item.specification));
    const result = await run(['verify', '/scratch/v.json', item.public_key]);
    yield judgeEqual(
      `verify ${item.name}`,
      {exit: item.exit, problem: null},
      {exit: result.exit, problem: outputProblem(item.output.replaceAll('v.json', '/scratch/v.json'), result) ?? null},
    );
  }
  for (const item of vectors.matchers) {
    const result = await run(['matcher', item.matcher, '--identity', identity, '--facts', '/scratch/f.json']);
    const isMatched = /^Matched plugin matcher: /m.test(result.stdout);
    const problem = item.error === undefined ? undefined : outputProblem(item.error, result);
    yield judgeEqual(
      `matcher ${item.matcher}`,
      {exit: item.exit, matched: item.matched === true, problem: null},
      {exit: result.exit, matched: isMatched, problem: problem ?? null},
    );
  }
}

const judge: Judge = async function* ({data}) {
  const root = mkdtempSync(join(tmpdir(), 'choria-plugins-'));
  try {
    yield* judgeAll(data as PluginVectors, root);
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
};

export default judge;
