/** Parsing of one `-F` argument. */
import {ChoriaError} from '../../../../src/lib/errors.ts';
import {parseFactFilter} from '../../../../src/protocol/index.ts';
import {type Judge, judgeEqual} from '../../judge.ts';

interface FactStringVector {
  readonly cases: readonly ({readonly input: string; readonly error?: string} & Readonly<Record<string, unknown>>)[];
}

function parse(input: string): unknown {
  try {
    const {fact, operator, value} = parseFactFilter(input);
    return {fact, operator, value};
  } catch (error) {
    if (error instanceof ChoriaError) return {error: error.message};
    throw error;
  }
}

const judge: Judge = async ({data}) =>
  (data as FactStringVector).cases.map(({input, ...expected}) =>
    judgeEqual(JSON.stringify(input), expected, parse(input)),
  );

export default judge;
