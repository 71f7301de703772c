import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {runCliForTest} from '../../../support/cli.ts';
import {createLabFiles, type LabFiles} from '../../../support/lab-files.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {withoutDescriptions} from '../config/_tool-config.ts';
import {compareRun} from './_compare.ts';
import {type ConfigCase, configFilesOf} from './_config-files.ts';
import {platformWithFacterOf} from './_facter.ts';

const judge: Judge = async ({data, vectorsDirectory}) => {
  const lab = await createLabFiles(vectorsDirectory);
  try {
    const results: CaseResult[] = [];
    for (const item of data as readonly ConfigCase[]) results.push(await judgeToolConfig(item, lab));
    return results;
  } finally {
    lab.remove();
  }
};

/** Runs `choria tool config` of a transcript; nothing of it needs the network. */
export async function judgeToolConfig(item: ConfigCase, lab: LabFiles): Promise<CaseResult> {
  const scratch = lab.newScratch();
  try {
    const clientConfig = readFileSync(join(lab.lab, 'client', 'client.conf'), 'utf8');
    const run = await runCliForTest({
      argv: item.argv,
      env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective', ...item.env},
      files: configFilesOf(item, clientConfig),
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
