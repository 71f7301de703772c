/** Requests to the agent `executor`, shown like those of `req`. */
import type {CliContext, ParsedArguments} from '../types.ts';
import {runReq} from './req-run.ts';

function asRequest(
  parsed: ParsedArguments,
  request: {readonly action: string; readonly args: Readonly<Record<string, string>>},
): ParsedArguments {
  return {...parsed, arguments: {agent: 'executor', ...request}};
}

export function runExecutorInfo(context: CliContext, parsed: ParsedArguments): Promise<number> {
  return runReq(context, asRequest(parsed, {action: 'status', args: {id: String(parsed.arguments['id'])}}));
}

export function runExecutorSignal(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {id, signal} = parsed.arguments;
  return runReq(context, asRequest(parsed, {action: 'signal', args: {id: String(id), signal: String(signal)}}));
}
