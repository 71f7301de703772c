import {runCli} from '../../../../src/cli/index.ts';
import type {TextSink} from '../../../../src/cli/types.ts';
import {judgeEqual, type CaseResult, type Judge} from '../../judge.ts';
import {createScratch, platformIn, type Scratch} from './_scratch.ts';
import {withoutDescriptions} from './_tool-config.ts';

interface Run {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const judge: Judge = async ({data}) => {
  const {files, runs} = data as {files: Readonly<Record<string, string>>; runs: readonly Run[]};
  const scratch = createScratch(files);
  try {
    const results: CaseResult[] = [];
    for (const run of runs) results.push(await judgeRun(run, scratch));
    return results;
  } finally {
    scratch.remove();
  }
};

function collector(): TextSink & {text(): string} {
  let text = '';
  return {
    write: (part) => {
      text += part;
    },
    isTerminal: false,
    columns: undefined,
    text: () => text,
  };
}

async function judgeRun(run: Run, scratch: Scratch): Promise<CaseResult> {
  const stdout = collector();
  const stderr = collector();
  const platform = platformIn(scratch.root, scratch.withRoot(run.env));
  const exit = await runCli(['choria', ...scratch.withRoot(run.args)], {
    platform: {...platform, files: withoutFacter(platform.files)},
    stdout,
    stderr,
    stdin: {isTerminal: false, isPiped: false, readAll: () => Promise.resolve(Buffer.alloc(0))},
    signal: new AbortController().signal,
    startedAtMs: platform.clock.nowMs(),
  });
  const shown = (text: string): string =>
    withoutDescriptions(scratch.withoutRoot(text)).replaceAll(/time="[^"]*"/g, 'time="<TIME>"');
  const {stdout: wantedOut, stderr: wantedErr, exit: wantedExit} = run;
  return judgeEqual(
    run.name,
    {exit: wantedExit, stdout: shown(wantedOut), stderr: wantedErr},
    {exit, stdout: shown(stdout.text()), stderr: stderr.text()},
  );
}

/** The vectors were made without a facter, wherever it lies on this machine. */
function withoutFacter<T extends {stat(path: string): Promise<unknown>}>(files: T): T {
  return {
    ...files,
    stat: (path: string) =>
      path.endsWith('/facter')
        ? Promise.reject(Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), {code: 'ENOENT'}))
        : files.stat(path),
  };
}

export default judge;
