import {DdlError, rubyDdlToJson} from '../../../../src/ddl/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, text} from './_cases.ts';

/** The document, or the packager's words for what is wrong. */
function converted(source: string): unknown {
  try {
    return {json: rubyDdlToJson(source)};
  } catch (error) {
    if (!(error instanceof DdlError)) throw error;
    const reason: unknown = error.details['reason'];
    return {error: typeof reason === 'string' ? `RuntimeError: ${reason}` : error.message};
  }
}

const judge: Judge = async ({data}) =>
  caseList(data).map((item, index) =>
    judgeEqual(
      caseName(item, index),
      item['error'] === undefined ? {json: item['json']} : {error: item['error']},
      converted(text(item['ddl'])),
    ),
  );

export default judge;
