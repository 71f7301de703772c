/**
 * Runs the sequence of `jwt` commands in its order, in one scratch folder.
 *
 * Keys are random, so after each pair that was made the vector's own pair is put in its place: what follows is then the same as in the
 * vector, but for the times. Files that no command of the sequence makes are there from the start.
 */
import {existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {type CliTestResult, runCliForTest} from '../../../support/cli.ts';

export interface JwtTranscript {
  readonly name: string;
  readonly argv: readonly string[];
  readonly stdout?: string;
  readonly stderr?: string;
  readonly output?: string;
  readonly exit: number;
  readonly tty?: {readonly cols: number; readonly rows: number};
  readonly typed?: string | readonly string[];
}

export interface JwtRun {
  readonly transcript: JwtTranscript;
  readonly result: CliTestResult;
  /** Pairs of the keys that were made here and of the vector's. */
  readonly keys: readonly (readonly [string, string])[];
}

const makers = new Set(['keys', 'k', 'client', 'c', 'server', 's', 'provisioning', 'prov', 'provision', 'p']);

/** The texts by name as they are after the sequence, and what each command said. */
export async function runSequence(
  transcripts: readonly JwtTranscript[],
  files: Readonly<Record<string, string>>,
): Promise<{readonly runs: readonly JwtRun[]; readonly after: ReadonlyMap<string, string>}> {
  const root = mkdtempSync(join(tmpdir(), 'choria-jwt-'));
  const made = new Set(
    transcripts
      .filter(({argv}) => argv[1] === 'jwt' && makers.has(argv[2] ?? ''))
      .flatMap(({argv}) => argv.slice(3).map((word) => basename(word))),
  );
  try {
    const folder = join(root, 'jwt');
    mkdirSync(folder, {recursive: true});
    for (const [name, text] of Object.entries(files)) {
      if (!made.has(name)) writeFileSync(join(folder, name), text);
    }
    const runs: JwtRun[] = [];
    const after = new Map<string, string>();
    for (const transcript of transcripts) {
      const {argv, tty, typed} = transcript;
      const result = await runCliForTest({
        argv,
        mounts: [{virtual: '/scratch', real: root}],
        ...(tty === undefined ? {} : {tty}),
        ...(typed === undefined ? {} : {typed: typeof typed === 'string' ? [typed] : typed}),
      });
      for (const name of readdirSync(folder)) after.set(name, readFileSync(join(folder, name), 'utf8'));
      runs.push({transcript, result, keys: argv[2] === 'keys' ? replaceKeys(argv.slice(3), {folder, files}) : []});
    }
    return {runs, after};
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
}

function replaceKeys(
  words: readonly string[],
  place: {readonly folder: string; readonly files: Readonly<Record<string, string>>},
): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (const word of words) {
    const path = join(place.folder, basename(word));
    const wanted = place.files[basename(word)];
    if (wanted === undefined || dirname(word) !== '/scratch/jwt' || !existsSync(path)) continue;
    pairs.push([readFileSync(path, 'utf8'), wanted]);
    writeFileSync(path, wanted);
  }
  return pairs;
}
