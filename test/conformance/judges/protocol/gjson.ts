/** Paths over one document: existence, type, raw text and value. */
import {type GjsonResult, gjsonGet, gjsonValue, type JsonData} from '../../../../src/lang/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface GjsonVector {
  readonly document: string;
  readonly cases: readonly {
    readonly path: string;
    readonly exists: boolean;
    readonly raw: string;
    readonly type: string;
    readonly value: unknown;
  }[];
}

const judge: Judge = async ({data}) => {
  const {document, cases} = data as GjsonVector;
  return cases.map((item): CaseResult => {
    const result: GjsonResult = gjsonGet(document, item.path);
    return judgeEqual(
      item.path,
      {exists: item.exists, raw: item.raw, type: item.type, value: item.value},
      {exists: result.exists, raw: result.raw, type: result.type, value: plain(gjsonValue(result))},
    );
  });
};

function plain(value: JsonData): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item as JsonData)]));
  return Array.isArray(value) ? value.map((item: JsonData) => plain(item)) : value;
}

export default judge;
