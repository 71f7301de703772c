import {actionFromDocument, withOutputDefaults} from '../../../../src/ddl/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, fields} from './_cases.ts';

const judge: Judge = async ({data}) =>
  caseList(data).map((item, index) =>
    judgeEqual(
      caseName(item, index),
      item['result'],
      withOutputDefaults(actionFromDocument(item['action']), fields(item['data'])),
    ),
  );

export default judge;
