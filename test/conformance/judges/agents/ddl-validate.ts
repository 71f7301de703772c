import {checkInputValue, inputFromDocument} from '../../../../src/ddl/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName} from './_cases.ts';

const judge: Judge = async ({data}) =>
  caseList(data).map((item, index) => {
    const verdict = checkInputValue(inputFromDocument('value', item['input']), item['value']);
    return judgeEqual(
      caseName(item, index),
      {ok: item['ok'], error: item['error'], warnings: item['warnings']},
      {ok: verdict.error === undefined, error: verdict.error ?? null, warnings: verdict.warnings},
    );
  });

export default judge;
