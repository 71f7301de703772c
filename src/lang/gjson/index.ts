export {gjsonGet} from './get.ts';
export {type GjsonResult, type GjsonType, type JsonData, parseGoFloat, resultInteger, resultText} from './result.ts';
export {gjsonValue} from './value.ts';
export {matchesWildcard} from './wildcard.ts';
