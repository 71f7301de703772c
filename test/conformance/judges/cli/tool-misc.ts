/** Judges the small tools, in the order of the file: what one leaves behind (a spool, a listing) the next ones find. */
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, relative} from 'node:path';
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import {type CliTestResult, runCliForTest} from '../../../support/cli.ts';
import type {Lab} from '../../../support/lab.ts';
import {createPathMapper, type Mount} from '../../../support/mounts.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {compareRun} from './_compare.ts';
import {laterPart} from './_help.ts';
import {programVersions, sharedLab} from './_lab.ts';
import {alignMessages, dropWarnings} from './_messages.ts';
import {captureTimeMs, makeFolders, makeStatusFiles, makeSubmissionFiles, type ToolCase} from './_tool-files.ts';

/** The same machine at another time: nothing here waits, so only the wall clock is set. */
function platformAt(nowMs: number) {
  const platform = createNodePlatform();
  const {clock} = platform;
  const startedMs = clock.monotonicMs();
  return {...platform, clock: {...clock, nowMs: () => Math.round(nowMs + clock.monotonicMs() - startedMs)}};
}

const uuid = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;

function rewrite(text: string): string {
  return text.replace(uuid, '<uuid>').replace(/\(-?(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s\)/g, '(<duration>)');
}

// --- what a build says of itself -------------------------------------------------------------------------------------

/** Parts of the reference that ours has under another name or not at all. */
const otherBuild: readonly string[] = ['Go Version', 'Build Date'];

interface Block {
  readonly title: string;
  readonly labels: readonly string[];
  readonly lines: readonly string[];
}

function blocks(text: string): readonly Block[] {
  return text.split(/\n(?=\S.*:\n)/).map((part) => {
    const [title = '', ...lines] = part
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    return {title, labels: lines.filter((line) => line.includes(': ')).map((line) => line.split(': ')[0] ?? ''), lines};
  });
}

/** Headings and labels count, values are each build's own; what a later part brings is not asked for. */
function buildProblem(wanted: string, found: string): string | undefined {
  const ours = new Map(blocks(found).map((item) => [item.title, item]));
  for (const {title, labels, lines} of blocks(wanted)) {
    if (title.startsWith('Autonomous Agent')) continue;
    const own = ours.get(title);
    if (own === undefined) return `no block ${title}`;
    const lost = labels.find((label) => !otherBuild.includes(label) && !own.labels.includes(label));
    if (lost !== undefined) return `no line ${lost} in ${title}`;
    if (lines.length > 0 && own.lines.length === 0) return `an empty block ${title}`;
  }
  return undefined;
}

// --- what is in the spool --------------------------------------------------------------------------------------------

function spooled(text: string): string {
  const message = JSON.parse(text) as Record<string, unknown>;
  for (const key of ['id', 'created', 'next_try']) message[key] = `<${key}>`;
  message['sender'] = String(message['sender']).replace(/^user \d+$/, 'user <id>');
  message['headers'] ??= {};
  return JSON.stringify(message, Object.keys(message).toSorted());
}

function spoolProblem(wanted: Readonly<Record<string, string>>, scratch: string): string | undefined {
  const found = readdirSync(scratch, {withFileTypes: true, recursive: true})
    .filter((entry) => entry.isFile() && entry.name.endsWith('.msg'))
    .map((entry) => join(entry.parentPath, entry.name));
  for (const [path, text] of Object.entries(wanted)) {
    const [folder, name] = [path.split('/').slice(0, -1).join('/'), path.split('/').at(-1) ?? ''];
    const shape = new RegExp(`^${name.replace(/^\d+/, '\\d+').replace(uuid, '[0-9a-f-]{36}').replaceAll('.', '\\.')}$`);
    const match = found.find(
      (file) =>
        `/scratch/${relative(scratch, file)}`.startsWith(`${folder}/`) &&
        shape.test(file.split('/').at(-1) ?? '') &&
        spooled(readFileSync(file, 'utf8')) === spooled(text),
    );
    if (match === undefined)
      return `no message like ${path} in ${found.map((file) => spooled(readFileSync(file, 'utf8'))).join(' ')}`;
  }
  return undefined;
}

/** What a fault of the reference left: ours may do better or refuse, but in words, not by a crash. */
function betterProblem(result: CliTestResult): string | undefined {
  if (result.exit === 0) return undefined;
  return result.exit === 1 && /error: |level=fatal/.test(`${result.stdout}${result.stderr}`)
    ? undefined
    : `exit ${result.exit}: ${result.stdout}${result.stderr}`;
}

function judgeRun(
  item: ToolCase,
  result: CliTestResult,
  place: {readonly scratch: string; readonly versions: readonly string[]},
): CaseResult {
  const {name} = item;
  const verdict = (problem: string | undefined): CaseResult =>
    problem === undefined ? {name, passed: true} : {name, passed: false, expected: 'what the case says', got: problem};
  if (item.note?.includes('reference bug') === true) return verdict(betterProblem(result));
  if (item.argv[1] === 'buildinfo') {
    return verdict(result.exit === item.exit ? buildProblem(item.stdout ?? '', result.stdout) : `exit ${result.exit}`);
  }
  const stderr = (item.stderr ?? '').includes('level=warn') ? result.stderr : dropWarnings(result.stderr);
  const compared = compareRun(
    item,
    {
      ...result,
      stdout: alignMessages(item.stdout ?? '', result.stdout),
      stderr: alignMessages(item.stderr ?? '', stderr),
    },
    {versions: place.versions, rewrite},
  );
  if (!compared.passed || item.spool_after === undefined) return compared;
  return verdict(spoolProblem(item.spool_after, place.scratch));
}

async function* judgeAll(cases: readonly ToolCase[], lab: Lab, versions: readonly string[]): AsyncIterable<CaseResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'choria-tools-'));
  const mounts: readonly Mount[] = [...lab.files.mounts, {virtual: '/scratch', real: scratch}];
  try {
    const nowMs = captureTimeMs(cases);
    const place = {real: createPathMapper(mounts).toReal, nowMs};
    makeStatusFiles(cases, place);
    makeFolders(cases, place);
    makeSubmissionFiles(place, readFileSync(place.real('/lab/client/client.conf'), 'utf8'));
    for (const item of cases) {
      const {argv, env, stdin, cwd, tty} = item;
      const result = await runCliForTest({
        argv,
        mounts,
        ports: lab.ports,
        platform: platformAt(nowMs),
        env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective', ...env},
        ...(stdin === undefined ? {} : {stdin}),
        ...(cwd === undefined ? {} : {cwd}),
        ...(tty === undefined ? {} : {tty}),
      });
      const judged = judgeRun(item, result, {scratch, versions});
      const waitsFor = judged.passed ? undefined : laterPart(argv.slice(1));
      yield waitsFor === undefined ? judged : {...judged, waitsFor};
    }
  } finally {
    rmSync(scratch, {recursive: true, force: true});
  }
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  const lab = await sharedLab(vectorsDirectory);
  yield* judgeAll(data as readonly ToolCase[], lab, programVersions(vectorsDirectory));
};

export default judge;
