import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {runCliForTest} from '../../../support/cli.ts';
import {createLabFiles, type LabFiles} from '../../../support/lab-files.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {withoutDescriptions} from '../config/_tool-config.ts';
import {compareRun} from './_compare.ts';
import {type ConfigCase, configFilesOf, sharedFilesOf} from './_config-files.ts';
import {platformWithFacterOf} from './_facter.ts';

const judge: Judge = async ({data, vectorsDirectory}) => {
  const lab = await createLabFiles(vectorsDirectory);
  try {
    const results: CaseResult[] = [];
    const items = data as readonly ConfigCase[];
    for (const item of items) results.push(await judgeToolConfig(item, {lab, shared: sharedFilesOf(items)}));
    return results;
  } finally {
    lab.remove();
  }
};

/** Runs `choria tool config` of a transcript; nothing of it needs the network. */
export async function judgeToolConfig(
  item: ConfigCase,
  options: {readonly lab: LabFiles; readonly shared: Readonly<Record<string, string>>},
): Promise<CaseResult> {
  const {lab, shared} = options;
  const scratch = lab.newScratch();
  try {
    const clientConfig = readFileSync(join(lab.lab, 'client', 'client.conf'), 'utf8');
    const run = await runCliForTest({
      argv: item.argv,
      env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective', ...item.env},
      files: {...shared, ...configFilesOf(item, clientConfig)},
      mounts: [...lab.mounts, scratch.mount],
      platform: platformWithFacterOf(item.stdout ?? item.output ?? ''),
      ...(item.cwd === undefined ? {} : {cwd: item.cwd}),
      ...(item.stdin === undefined ? {} : {stdin: item.stdin}),
      ...(item.tty === undefined ? {} : {tty: item.tty}),
    });
    return compareRun(item, run, {rewrite: withoutDescriptions});
  } finally {
    scratch.remove();
  }
}

export default judge;
