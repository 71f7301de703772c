import type {Lab, LabRunResult} from '../../../support/lab.ts';
import type {Scratch} from '../../../support/lab-files.ts';
import {canonical, type Judge} from '../../judge.ts';
import {type ClientCase, clientJudge, runInLab} from './_client.ts';

interface DiscoveryCase extends ClientCase {
  /** What the external command received, as it wrote it down itself. */
  readonly script_saw?: unknown;
}

const recordPath = '/scratch/ext-record.json';

function isInventoryTool({argv}: ClientCase): boolean {
  return argv[1] === 'tool' && argv[2] === 'inventory';
}

/** The command's own environment: Python may add its locale, which depends on the machine's Python and not on us. */
function withoutLocale(record: unknown): unknown {
  if (record === null || typeof record !== 'object') return record;
  const names = (record as {readonly env_names?: unknown}).env_names;
  return Array.isArray(names) ? {...record, env_names: names.filter((name) => name !== 'LC_CTYPE')} : record;
}

function checkScript(item: DiscoveryCase, result: LabRunResult): string | undefined {
  if (item.script_saw === undefined) return undefined;
  const text = result.scratchFile(recordPath);
  if (text === undefined) return 'the command was not run';
  const [wanted, found] = [item.script_saw, JSON.parse(text) as unknown].map((record) =>
    canonical(withoutLocale(record)),
  );
  return wanted === found ? undefined : `the command saw ${found}`;
}

/** Problems of one file come in any order. */
function orderProblems(text: string): string {
  return text.replaceAll(/(?:^\t.*\n)+/gm, (lines) => `${lines.trimEnd().split('\n').toSorted().join('\n')}\n`);
}

/** The cases of `tool inventory` build on the files of the earlier ones, so they share a scratch folder and take turns. */
const judge: Judge = async function* judgeDiscoveryMethods(input) {
  let scratch: Scratch | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const run = (item: DiscoveryCase, lab: Lab): Promise<LabRunResult> => {
    if (!isInventoryTool(item)) return runInLab(item, lab);
    scratch ??= lab.files.newScratch();
    const {mount} = scratch;
    const mine = turn.then(() => runInLab(item, lab, {mounts: [mount]}));
    turn = mine.catch(() => undefined);
    return mine;
  };
  try {
    yield* clientJudge<DiscoveryCase>({run, check: checkScript, compare: {rewrite: orderProblems}})(
      input,
    ) as AsyncIterable<never>;
  } finally {
    scratch?.remove();
  }
};

export default judge;
