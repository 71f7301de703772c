/**
 * The files that transcripts of `tool` commands name. Where a case does not give them, they are made so that the case's own result follows
 * from them: a status file in which what is complained of is so, a folder whose files have the checksums listed.
 */
import {createHash} from 'node:crypto';
import {mkdirSync, utimesSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import type {LabCase} from './_lab.ts';

export interface ToolCase extends LabCase {
  readonly note?: string;
  readonly status_file?: Readonly<Record<string, unknown>>;
  readonly spool_after?: Readonly<Record<string, string>>;
}

export interface Place {
  /** Where a path of the transcript really is. */
  readonly real: (path: string) => string;
  /** The wall clock of the transcripts. */
  readonly nowMs: number;
}

function write(place: Place, path: string, text: string): string {
  const real = place.real(path);
  mkdirSync(dirname(real), {recursive: true});
  writeFileSync(real, text);
  return real;
}

function flagOf(argv: readonly string[], name: string): string | undefined {
  const joined = argv.find((word) => word.startsWith(`${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 1);
  const at = argv.indexOf(name);
  return at === -1 ? undefined : argv[at + 1];
}

/** The earliest time that a transcript logged: the clock that they ran by. */
export function captureTimeMs(cases: readonly ToolCase[]): number {
  const times = cases.flatMap(({stdout = '', stderr = ''}) =>
    [...`${stdout}${stderr}`.matchAll(/time="([^"]+)"/g)].map((match) => Date.parse(match[1] ?? '')),
  );
  return times.length === 0 ? Date.UTC(2026, 10, 21, 4, 18, 20) : Math.min(...times);
}

// --- status files ----------------------------------------------------------------------------------------------------

const healthy: Readonly<Record<string, unknown>> = {
  identity: 'dev1.example.net',
  uptime: 2610,
  connected_server: 'nats://127.0.0.1:20400',
  last_message: 0,
  provisioning_mode: false,
  certificate_expires: '2036-11-18T03:31:42Z',
  token_expires: '0001-01-01T00:00:00Z',
};

function isoOf(text: string): string {
  return `${text.replace(' ', 'T')}Z`;
}

const complaints: readonly (readonly [RegExp, (match: RegExpExecArray) => Readonly<Record<string, unknown>>])[] = [
  [/connection check failed/, () => ({connected_server: ''})],
  [/ in provisioning mode/, () => ({provisioning_mode: true})],
  [/certificate expires (\S+ \S+) /, (match) => ({certificate_expires: isoOf(match[1] ?? '')})],
  [/token expires (\S+ \S+) /, (match) => ({token_expires: isoOf(match[1] ?? '')})],
  [/last message at (\S+ \S+) /, (match) => ({last_message: Date.parse(isoOf(match[1] ?? '')) / 1000})],
];

export function makeStatusFiles(cases: readonly ToolCase[], place: Place): void {
  const given = cases.find((item) => item.status_file !== undefined)?.status_file;
  const base = {...healthy, last_message: Math.floor(place.nowMs / 1000) - 10, ...given};
  const paths = new Map<string, {readonly facts: Record<string, unknown>; isOld: boolean; isMissing: boolean}>();
  for (const {argv, stdout = '', status_file: own} of cases) {
    const path = flagOf(argv, '--status-file');
    if (path === undefined) continue;
    const entry = paths.get(path) ?? {facts: {}, isOld: false, isMissing: false};
    paths.set(path, entry);
    Object.assign(entry.facts, own);
    for (const [pattern, facts] of complaints) {
      const match = pattern.exec(stdout);
      if (match !== null && !/ not in provisioning mode/.test(stdout)) Object.assign(entry.facts, facts(match));
    }
    entry.isOld ||= / older than /.test(stdout);
    entry.isMissing ||= / could not be read: open /.test(stdout);
  }
  for (const [path, {facts, isOld, isMissing}] of paths) {
    if (isMissing) continue;
    const real = write(place, path, JSON.stringify({...base, ...facts}));
    const atMs = place.nowMs - (isOld ? 400 * 24 * 3_600_000 : 20_000);
    utimesSync(real, atMs / 1000, atMs / 1000);
  }
}

// --- folders with checksums ------------------------------------------------------------------------------------------

const words = [
  'hello',
  'world',
  'log',
  'x',
  'y',
  'a',
  'b',
  'c',
  'one',
  'two',
  'test',
  'foo',
  'bar',
  'data',
  'payload',
  '',
];

function textWithSum(sum: string): string {
  const texts = words.flatMap((word) => [word, `${word}\n`]);
  return texts.find((text) => createHash('sha256').update(text).digest('hex') === sum) ?? sum;
}

/** From a listing of checksums, wherever it stands: as output, or as the file that a folder is checked against. */
export function makeFolders(cases: readonly ToolCase[], place: Place): void {
  for (const {argv, stdout = ''} of cases) {
    const folder = argv[3];
    if (argv[2] !== 'sha256' || folder === undefined) continue;
    const lines = [...stdout.matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm)];
    for (const [, sum = '', name = ''] of lines) write(place, join(folder, name), textWithSum(sum));
  }
  for (const {argv, exit} of cases) {
    const folder = argv[3];
    const against = flagOf(argv, '--validate');
    if (argv[2] !== 'sha256' || folder === undefined || against === undefined) continue;
    const listing = cases.find((item) => item.argv[3] === folder && /^[0-9a-f]{64} {2}/.test(item.stdout ?? ''));
    const text = listing?.stdout ?? '';
    write(place, against, exit === 0 ? text : text.replace(/^[0-9a-f]{64}/gm, '0'.repeat(64)));
  }
}

// --- submission ------------------------------------------------------------------------------------------------------

/** `/scratch/pl.txt`, an empty file, and a configuration with a spool. */
export function makeSubmissionFiles(place: Place, clientConfig: string): void {
  write(place, '/scratch/pl.txt', 'payload');
  write(place, '/scratch/empty.txt', '');
  write(place, '/scratch/submit.conf', `${clientConfig}\nplugin.choria.submission.spool = /scratch/spool\n`);
}
