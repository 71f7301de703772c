import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {errorMessage} from '../../../../src/lib/errors.ts';
import {createLabFiles} from '../../../support/lab-files.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {type ConfigCase, configFilesOf, sharedFilesOf} from './_config-files.ts';
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

/** Only these cases need the fleet; a file without any starts none. */
async function judgeWithFleet(
  item: ConfigCase,
  options: {readonly vectorsDirectory: string; readonly files: Readonly<Record<string, string>>},
): Promise<CaseResult> {
  const {judgeInLab} = await import('./_lab.ts');
  return judgeInLab(item, {...options, env: {MCOLLECTIVE_CERTNAME: 'rip.mcollective', ...item.env}});
}

function failure(name: string, error: unknown): CaseResult {
  return {name, passed: false, expected: 'a run that ends', got: errorMessage(error)};
}

export default judge;
