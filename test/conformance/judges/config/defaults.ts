import {loadConfig} from '../../../../src/config/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {createScratch, platformIn} from './_scratch.ts';
import {vectorValues} from './_values.ts';

const judge: Judge = async ({data}) => {
  const {values} = data as {values: Record<string, unknown>};
  const scratch = createScratch({'server.conf': `identity = ${String(values['identity'])}\n`});
  try {
    const platform = platformIn(scratch.root, {PATH: process.env['PATH'] ?? ''});
    const config = await loadConfig({platform, mode: 'system', path: `${scratch.root}/server.conf`});
    const got = vectorValues(config);
    const names = [...new Set([...Object.keys(values), ...Object.keys(got)])].sort();
    return names.map((name) => judgeEqual(name, values[name], got[name]));
  } finally {
    scratch.remove();
  }
};

export default judge;
