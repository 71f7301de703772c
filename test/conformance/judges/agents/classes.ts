/** Reading of the classes file and matching on it. */
import {createPatternPool, matchClasses} from '../../../../src/protocol/index.ts';
import {createClassSource} from '../../../../src/server/classes.ts';
import {FakeFiles} from '../../../support/fake-files.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface ClassesCase {
  readonly name: string;
  readonly content?: string | null;
  readonly classes: readonly string[];
  readonly match: readonly {readonly needles: readonly string[]; readonly matched: boolean}[];
}

const judge: Judge = async ({data}) => {
  const results: CaseResult[] = [];
  for (const item of data as readonly ClassesCase[]) {
    const path = '/classes.txt';
    const files = new FakeFiles(typeof item.content === 'string' ? {[path]: item.content} : {});
    const classes = await createClassSource({files, path}).list();
    const match = item.match.map(({needles}) => ({
      needles,
      matched: matchClasses(needles, classes, createPatternPool()),
    }));
    results.push(judgeEqual(item.name, {classes: item.classes, match: item.match}, {classes, match}));
  }
  return results;
};

export default judge;
