import {actionFromDocument, createAggregation} from '../../../../src/ddl/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, fields, isFields} from './_cases.ts';

/** Lines with equal counts may come in any order, so lists of lines compare sorted. */
function sortedLines(value: unknown): unknown {
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, lines]) => [
      name,
      Array.isArray(lines) ? [...(lines as string[])].sort() : lines,
    ]),
  );
}

const judge: Judge = async ({data}) =>
  caseList(data).map((item, index) => {
    const aggregation = createAggregation(actionFromDocument(item['action']));
    const replies = item['replies'];
    for (const reply of Array.isArray(replies) ? replies : []) aggregation.add(fields(reply));
    const {json, strings, formatted} = aggregation.results();
    return judgeEqual(
      caseName(item, index),
      {json: item['json'], strings: item['strings'], formatted: sortedLines(item['formatted'])},
      {json, strings, formatted: sortedLines(formatted)},
    );
  });

export default judge;
