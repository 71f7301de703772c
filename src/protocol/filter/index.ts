export {comparisonFunctions, comparisonSignatures} from './compound.ts';
export {type CombinedFilter, parseCombinedFilter, parseFactFilter, tryFactFilter} from './fact-text.ts';
export {type FactVerdict, matchFact} from './fact-match.ts';
export {filterLimits} from './limits.ts';
export {
  type CompiledFilter,
  compileFilter,
  createFilterMatcher,
  type FilterMatcher,
  isEmptyFilter,
  matchCompiledFilter,
  matchFilterOn,
} from './match.ts';
export type {FilterData, FilterNode, FilterNodeSource, FilterVerdict} from './node.ts';
export {classTest, createPatternPool, matchClasses, type NameTest, patternBody, type PatternPool} from './patterns.ts';
