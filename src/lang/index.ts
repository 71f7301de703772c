/** The small languages: GJSON paths, semantic versions, expressions. Pure, bounded, no host evaluation. */
export {ExprError, LangError, type LangErrorCode, langErrorCodes} from './errors.ts';
export {
  type GjsonResult,
  type GjsonType,
  gjsonGet,
  gjsonValue,
  type JsonData,
  matchesWildcard,
  parseGoFloat,
  resultInteger,
  resultText,
} from './gjson/index.ts';
export {compareCodePoints} from './text-order.ts';
export {
  compareVersions,
  parseConstraint,
  parseVersion,
  type SemanticVersion,
  type SemverConstraint,
  satisfies,
} from './semver/index.ts';
export * from './expr/index.ts';
export {parseYamlFacts, type YamlData} from './yaml/facts-yaml.ts';
export {patternStates, patternWorkMax} from './pattern-cost.ts';
