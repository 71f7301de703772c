/** Verdicts of the JSON schemas, and the places that fail. */
import {ProtocolError, readStrictJson, schemaProblems} from '../../../../src/protocol/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';

interface File {
  readonly cases: readonly {
    readonly name: string;
    readonly schema: string;
    readonly document: string;
    readonly valid: boolean;
    readonly errors?: readonly string[] | null;
  }[];
}

/** `/a/b: reason` names the place /a/b; a reason alone is about the whole document. */
function placeOf(problem: string): string {
  return problem.startsWith('/') ? problem.slice(0, problem.indexOf(': ')) : '';
}

function check(schema: string, document: string): {readonly valid: boolean; readonly problems: readonly string[]} {
  let value: unknown;
  try {
    ({value} = readStrictJson(document, {stage: 'request', what: 'document'}));
  } catch (error) {
    if (error instanceof ProtocolError) return {valid: false, problems: []};
    throw error;
  }
  const problems = schemaProblems(schema, value);
  return {valid: problems.length === 0, problems};
}

const judge: Judge = async ({data}) =>
  (data as File).cases.map((item, index): CaseResult => {
    const {valid, problems} = check(item.schema, item.document);
    const places = (texts: readonly string[]): readonly string[] => [...new Set(texts.map(placeOf))].sort();
    return judgeEqual(
      `${index} ${item.schema} ${item.name}`,
      {valid: item.valid, places: places(item.errors ?? [])},
      {valid, places: places(problems)},
    );
  });

export default judge;
