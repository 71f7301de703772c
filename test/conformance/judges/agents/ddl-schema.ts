import {validateDdlDocument} from '../../../../src/ddl/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName} from './_cases.ts';

/** The error texts are informative in the vectors; the verdict is what holds. */
const judge: Judge = async ({data}) =>
  caseList(data).map((item, index) =>
    judgeEqual(caseName(item, index), item['valid'], validateDdlDocument(item['ddl']).length === 0),
  );

export default judge;
