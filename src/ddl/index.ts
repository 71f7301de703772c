/** Agent and data descriptions: reading, judging, converting, summarising, rendering. Pure; see README.md. */
export type * from './types.ts';
export {DdlError, ddlErrorCodes} from './errors.ts';
export type {DdlErrorCode} from './errors.ts';
export {
  actionFromDocument,
  agentDdlFromDocument,
  dataDdlFromDocument,
  inputFromDocument,
  parseAgentDdl,
  parseDataDdl,
} from './parse.ts';
export {checkInputValue, convertAndCheckInput, convertInputText} from './value.ts';
export type {Conversion, ValueVerdict} from './value.ts';
export {checkRequestData, convertArguments, withInputDefaults, withOutputDefaults} from './request.ts';
export type {ConvertedArguments} from './request.ts';
export {createAggregation} from './aggregate.ts';
export type {AggregateResults, Aggregation} from './aggregate.ts';
export {goFormat, goValue} from './go-format.ts';
export type {FormatArgument} from './go-format.ts';
export {compareUtf8, goJson} from './go-json.ts';
export {parseGoBoolean, parseGoFloat, parseGoInteger} from './go-numbers.ts';
export {agentDdlSchema} from './agent-schema.ts';
export {validateDdlDocument} from './schema.ts';
export {builtinAgentDdl, builtinAgentNames, builtinDataDdl, builtinDataNames} from './builtin/index.ts';
export {
  createBuiltinResolver,
  createDdlResolver,
  createDiskResolver,
  createResolverChain,
  findDdlFiles,
  requireAgentDdl,
} from './resolve.ts';
export type {DdlKind, DdlResolverOptions, DiskResolverOptions} from './resolve.ts';
export {agentDdlDocument} from './document.ts';
export {generateClient, takenNames} from './generate-client.ts';
export type {GenerateClientOptions} from './generate-client.ts';
export {ddlToRuby} from './render-ruby.ts';
export {renderDataDdlConsole, renderDataDdlMarkdown, renderDdlConsole, renderDdlMarkdown} from './render-text.ts';
export type {ConsoleStyle} from './render-text.ts';
export {rubyDdlToJson} from './ruby/to-json.ts';
