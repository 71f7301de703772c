/** What the options of the Ruby client mean to our commands. */
import {CliError} from '../errors.ts';
import {numberFlag, textFlag, isGiven} from '../commands/network.ts';
import type {ParsedArguments} from '../types.ts';

const displays: readonly string[] = ['ok', 'all', 'failed'];

/**
 * Options under our names, those that stand for settings as settings.
 *
 * @throws {CliError} `ERR_CLI_FAILED`
 */
export function withClassicMeanings(parsed: ParsedArguments): ParsedArguments {
  const display = textFlag(parsed, 'display');
  if (display !== undefined && !displays.includes(display)) {
    throw new CliError('ERR_CLI_FAILED', "--display has to be one of 'ok', 'all' or 'failed'");
  }
  if (textFlag(parsed, 'nodes') !== undefined && (parsed.given.has('dm') || parsed.given.has('do'))) {
    throw new CliError('ERR_CLI_FAILED', 'Cannot mix --nodes with --dm or --do');
  }
  const ttl = numberFlag(parsed, 'ttl');
  const settings = {...parsed.settings, ...(ttl === undefined ? {} : {ttl})};
  const flags = isGiven(parsed, 'one') ? {...parsed.flags, limit: '1'} : parsed.flags;
  return {...parsed, flags, settings};
}

export interface CalledAction {
  readonly agent: string;
  readonly action: string;
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * `AGENT ACTION key=val...`, or the same as options.
 *
 * @throws {CliError} `ERR_CLI_FAILED`
 */
export function calledAction(parsed: ParsedArguments): CalledAction {
  const named = [textFlag(parsed, 'agent'), textFlag(parsed, 'action')];
  const words = [parsed.arguments['agent'], parsed.arguments['action'], ...listOf(parsed.arguments['args'])].filter(
    (word): word is string => typeof word === 'string',
  );
  const isNamed = named.every((name) => name !== undefined);
  if (!isNamed && words.length < 2) throw new CliError('ERR_CLI_FAILED', 'No agent, action and arguments specified');
  const [agent = '', action = ''] = isNamed ? named : words;
  const pairs = [...listOf(parsed.flags['argument']), ...(isNamed ? words : words.slice(2))];
  return {agent, action, inputs: Object.fromEntries(pairs.map(splitPair))};
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function splitPair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  throw new CliError('ERR_CLI_FAILED', `Could not parse --arg ${text} should be of the form key=val`);
}
