/** Judges filters of a vector on its nodes. */
import {compileFilter, filterFromWire, type FilterData, matchCompiledFilter} from '../../../../src/protocol/index.ts';
import {ChoriaError} from '../../../../src/lib/errors.ts';
import {type CaseResult, judgeEqual} from '../../judge.ts';

export interface FilterVector {
  readonly nodes: Readonly<Record<string, VectorNode>>;
  readonly data_functions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly cases: readonly {readonly filter: unknown; readonly node: string; readonly match: boolean}[];
}

interface VectorNode {
  readonly identity: string;
  readonly classes: readonly string[];
  readonly facts: unknown;
  readonly agents: readonly string[];
}

export async function judgeFilters(vector: FilterVector): Promise<readonly CaseResult[]> {
  const data = dataOf(vector.data_functions ?? {});
  const results: CaseResult[] = [];
  for (const [index, item] of vector.cases.entries()) {
    const node = vector.nodes[item.node];
    const name = `${index} ${item.node} ${JSON.stringify(item.filter)}`;
    if (node === undefined) throw new Error(`The vector names the node "${item.node}" but does not describe it`);
    results.push(judgeEqual(name, item.match, await verdictOf(item.filter, {node, data})));
  }
  return results;
}

async function verdictOf(wire: unknown, on: {readonly node: VectorNode; readonly data: FilterData}): Promise<boolean> {
  const {identity, classes, agents, facts} = on.node;
  try {
    const compiled = compileFilter(filterFromWire(wire));
    const verdict = await matchCompiledFilter(compiled, {
      identity,
      classes,
      agents,
      factsJson: JSON.stringify(facts),
      data: on.data,
    });
    return verdict.matched;
  } catch (error) {
    // A filter that cannot be decoded is a request that is refused: the node does not process it.
    if (error instanceof ChoriaError) return false;
    throw error;
  }
}

/** Functions described as `name(string)` or `name()`, with what they return. */
function dataOf(described: Readonly<Record<string, Readonly<Record<string, unknown>>>>): FilterData {
  const functions: Record<string, {takesQuery: boolean}> = {};
  const answers = new Map<string, Readonly<Record<string, unknown>>>();
  for (const [header, answer] of Object.entries(described)) {
    const [name = '', params = ''] = header.replace(')', '').split('(');
    functions[name] = {takesQuery: params !== ''};
    answers.set(name, answer);
  }
  return {
    functions,
    call: async (name, query) =>
      Object.fromEntries(
        Object.entries(answers.get(name) ?? {}).map(([key, value]) => [
          key,
          value === '<the argument>' ? query : value,
        ]),
      ),
  };
}
