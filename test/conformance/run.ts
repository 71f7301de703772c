/**
 * The conformance runner: judges every vector of a folder by the code the program runs.
 *
 *     npm run conformance -- [--vectors DIR] [--area NAME] [--file AREA/NAME.json] [--judged]
 *
 * A line for each failing case, a line for each file, a closing `P passed, F failed`. A file without a judge is unknown and counts
 * as failed; with `--judged` those listed in `unjudged.json` (they wait for a later part; the list may only shrink) are left out, and so
 * are cases of which their judge says that they belong to a part that is not built yet.
 * Exit code: 0 all passed, 1 something failed, 2 wrong arguments, 3 no vectors.
 */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {jobArguments} from '../../tools/arguments.mjs';
import {differenceFor, readDifferences, type Difference} from './differences.ts';
import type {CaseResult, Judge} from './judge.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));

/** Keys, fixtures and other material that judges read beside the vector they judge. */
const supportFolders: readonly string[] = [
  'protocol/pki',
  'cli/lab',
  'playbooks/modules',
  'playbooks/fixtures',
  'playbooks/seed-plans',
];

interface Tally {
  passed: number;
  failed: number;
  differs: number;
  waits: number;
}

function isMain(): boolean {
  return process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url);
}

/** The vector files under a folder, as `area/name.json`, sorted; support folders left out. */
export function listVectorFiles(vectorsDirectory: string): readonly string[] {
  return readdirSync(vectorsDirectory, {withFileTypes: true, recursive: true})
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => relative(vectorsDirectory, join(entry.parentPath, entry.name)).split('\\').join('/'))
    .filter((file) => file.includes('/') && !supportFolders.some((folder) => file.startsWith(`${folder}/`)))
    .sort();
}

/** Files that are known and wait for a later part. */
export function readUnjudged(): readonly string[] {
  return JSON.parse(readFileSync(join(here, 'unjudged.json'), 'utf8')) as readonly string[];
}

export function judgePath(file: string): string {
  return join(here, 'judges', file.replace(/\.json$/, '.ts'));
}

function shorten(text: string | undefined): string {
  const single = (text ?? '').replaceAll('\n', '\\n');
  return single.length > 600 ? `${single.slice(0, 600)}... (${single.length} characters)` : single;
}

async function judgeFile(
  file: string,
  options: {
    readonly vectorsDirectory: string;
    readonly differences: readonly Difference[];
    readonly mayWait: boolean;
  },
): Promise<Tally> {
  const {vectorsDirectory, differences, mayWait} = options;
  const tally: Tally = {passed: 0, failed: 0, differs: 0, waits: 0};
  const report = (result: CaseResult): void => {
    if (result.passed) tally.passed += 1;
    else if (differenceFor(differences, file, result.name)) tally.differs += 1;
    else if (mayWait && result.waitsFor !== undefined) tally.waits += 1;
    else {
      tally.failed += 1;
      console.log(`FAIL ${file} ${result.name}: expected ${shorten(result.expected)}, got ${shorten(result.got)}`);
    }
  };
  try {
    const text = readFileSync(join(vectorsDirectory, file), 'utf8');
    const judge = ((await import(pathToFileURL(judgePath(file)).href)) as {default: Judge}).default;
    const results = judge({vectorsDirectory, file, text, data: JSON.parse(text)});
    for await (const result of Symbol.asyncIterator in results ? results : await results) report(result);
    if (tally.passed + tally.failed + tally.differs + tally.waits === 0) {
      report({name: '(file)', passed: false, expected: 'at least one case', got: 'none'});
    }
  } catch (error) {
    const got = error instanceof Error ? (error.stack ?? error.message) : String(error);
    report({name: '(judge)', passed: false, expected: 'a judge that runs to its end', got});
  }
  const differs = tally.differs > 0 ? `, ${tally.differs} differs` : '';
  const waits = tally.waits > 0 ? `, ${tally.waits} wait for a later part` : '';
  console.log(`${file}: ${tally.passed} passed, ${tally.failed} failed${differs}${waits}`);
  return tally;
}

async function main(): Promise<number> {
  const {values} = jobArguments({
    name: 'conformance',
    help: 'Judges every vector of a folder by the code that the program runs.',
    options: {
      vectors: {type: 'string', value: 'DIR', help: 'The folder of the vectors; ../shared/vectors when left out'},
      area: {type: 'string', multiple: true, value: 'NAME', help: 'Only this folder; may be given again'},
      file: {type: 'string', multiple: true, value: 'AREA/NAME.json', help: 'Only this file; may be given again'},
      judged: {type: 'boolean', default: false, help: 'Leave out what waits for a part that is not built yet'},
    },
  });
  const vectorsDirectory = resolve(values.vectors ?? join(root, '..', 'shared', 'vectors'));
  if (!existsSync(vectorsDirectory)) {
    console.log(
      `There are no vectors: "${values.vectors ?? '../shared/vectors'}" does not exist; name a folder with --vectors DIR`,
    );
    return 3;
  }
  const differences = readDifferences();
  const waiting = new Set(values.judged ? readUnjudged() : []);
  const wanted = listVectorFiles(vectorsDirectory)
    .filter((file) => !values.area || values.area.some((area) => file.startsWith(`${area}/`)))
    .filter((file) => !values.file || values.file.includes(file));
  if (wanted.length === 0) {
    console.log(`No vector file matches in "${values.vectors ?? '../shared/vectors'}"`);
    return 3;
  }
  const total: Tally = {passed: 0, failed: 0, differs: 0, waits: 0};
  for (const file of wanted) {
    if (existsSync(judgePath(file))) {
      const tally = await judgeFile(file, {vectorsDirectory, differences, mayWait: values.judged});
      total.passed += tally.passed;
      total.failed += tally.failed;
      total.differs += tally.differs;
      total.waits += tally.waits;
    } else if (waiting.has(file)) {
      console.log(`${file}: waits for its part`);
    } else {
      console.log(`unknown file ${file}`);
      total.failed += 1;
    }
  }
  if (total.differs > 0) console.log(`${total.differs} cases differ as intended (test/conformance/differences.json)`);
  if (total.waits > 0) console.log(`${total.waits} cases wait for a part that is not built yet`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

if (isMain()) {
  const code = await main().catch((error: unknown) => {
    console.log(`Cannot run: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  });
  // Judges may leave a lab's sockets open; the process ends when the verdict is out.
  process.exit(code);
}
