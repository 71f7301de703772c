/** Parsing of `-W` arguments into a filter. */
import {emptyFilter, filterToWire, parseCombinedFilter} from '../../../../src/protocol/index.ts';
import {type Judge, judgeEqual} from '../../judge.ts';

interface CombinedVector {
  readonly cases: readonly {readonly with: readonly string[]; readonly filter: unknown}[];
}

const judge: Judge = async ({data}) =>
  (data as CombinedVector).cases.map((item) => {
    const parsed = item.with.map((text) => parseCombinedFilter(text));
    const filter = {
      ...emptyFilter,
      facts: parsed.flatMap(({facts}) => facts),
      classes: [...new Set(parsed.flatMap(({classes}) => classes))],
    };
    return judgeEqual(JSON.stringify(item.with), item.filter, filterToWire(filter));
  });

export default judge;
