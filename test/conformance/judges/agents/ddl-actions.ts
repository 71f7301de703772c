import {actionFromDocument, checkRequestData, convertArguments} from '../../../../src/ddl/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, fields, text, type Fields} from './_cases.ts';

function judgeArguments(item: Fields): unknown {
  const args = new Map(Object.entries(fields(item['args'])).map(([key, value]) => [key, text(value)]));
  const result = convertArguments(actionFromDocument(item['action']), args);
  const verdict = {ok: result.error === undefined, error: result.error ?? null, warnings: result.warnings};
  return result.error === undefined ? {...verdict, result: result.data} : verdict;
}

function judgeData(item: Fields): unknown {
  const verdict = checkRequestData(actionFromDocument(item['action']), item['data']);
  return {ok: verdict.error === undefined, error: verdict.error ?? null, warnings: verdict.warnings};
}

const judge: Judge = async ({data}) =>
  caseList(data).map((item, index) => {
    const wanted = {ok: item['ok'], error: item['error'], warnings: item['warnings']};
    const byArguments = item['args'] !== undefined && item['args'] !== null;
    return judgeEqual(
      caseName(item, index),
      byArguments && item['ok'] === true ? {...wanted, result: item['result']} : wanted,
      byArguments ? judgeArguments(item) : judgeData(item),
    );
  });

export default judge;
