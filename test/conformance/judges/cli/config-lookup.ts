import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {errorMessage} from '../../../../src/lib/errors.ts';
import {createLabFiles} from '../../../support/lab-files.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {type ConfigCase, configFilesOf, sharedFilesOf} from './_config-files.ts';
import {compareRun} from './_compare.ts';
import {judgeToolConfig} from './tool-config.ts';

const judge: Judge = async ({data, vectorsDirectory}) => {
  const lab = await createLabFiles(vectorsDirectory);
  try {
    const clientConfig = readFileSync(join(lab.lab, 'client', 'client.conf'), 'utf8');
    const results: CaseResult[] = [];
    const items = data as readonly ConfigCase[];
    const shared = sharedFilesOf(items);
    for (const item of items) {
      const isToolConfig = item.argv[1] === 'tool' && item.argv[2] === 'config';
      const result = isToolConfig
        ? judgeToolConfig(item, {lab, shared})
        : judgeWithFleet(item, {vectorsDirectory, files: configFilesOf(item, clientConfig)});
      results.push(await result.catch((error: unknown) => failure(item.name, error)));
    }
    return results;
  } finally {
    lab.remove();
  }
};

/** Only these cases need the fleet; a file without any starts none. Messages count by what they say, log lines of progress by being there. */
async function judgeWithFleet(
  item: ConfigCase & {readonly note?: string},
  options: {readonly vectorsDirectory: string; readonly files: Readonly<Record<string, string>>},
): Promise<CaseResult> {
  const [{programVersions, sharedLab}, {alignMessages, dropWarnings}] = await Promise.all([
    import('./_lab.ts'),
    import('./_messages.ts'),
  ]);
  const lab = await sharedLab(options.vectorsDirectory);
  const got = await lab.run({
    argv: item.argv,
    env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective', ...item.env},
    files: options.files,
    ...(item.cwd === undefined ? {} : {cwd: item.cwd}),
    ...(item.stdin === undefined ? {} : {stdin: item.stdin}),
    ...(item.tty === undefined ? {} : {tty: item.tty}),
  });
  // The README: what a note calls a bug of the reference need not be mirrored; the run must end in success or failure.
  if (item.note?.includes('reference bug') === true) return {name: item.name, passed: got.exit === 0 || got.exit === 1};
  const wanted = {...item, stdout: onOwnLines(item.stdout ?? ''), stderr: onOwnLines(item.stderr ?? '')};
  const align = (told: string, found: string): string => dropWarnings(alignMessages(told, onOwnLines(found)));
  return compareRun(
    wanted,
    {...got, stdout: align(wanted.stdout, got.stdout), stderr: align(wanted.stderr, got.stderr)},
    {versions: programVersions(options.vectorsDirectory), rewrite: foldProgressLines},
  );
}

/** A failure while nodes are discovered is told behind the unfinished line of the discovery; for the comparison it gets its own. */
function onOwnLines(text: string): string {
  return text.replaceAll(/(\.{4} )(time="[^"]*" level=fatal )/g, '$1\n$2');
}

/** Lines below warning are each program's own words; that there are some is what the settings decide. */
function foldProgressLines(text: string): string {
  return text.replaceAll(/(?:^time=\S+ level=(?:debug|info) .*\n)+/gm, '<progress>\n');
}

function failure(name: string, error: unknown): CaseResult {
  return {name, passed: false, expected: 'a run that ends', got: errorMessage(error)};
}

export default judge;
