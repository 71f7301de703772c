/** The second pass over a command line: turns the words into values and checks what is missing (cli.md 1.1). */
import {DurationError, nsToMs, parseCliDuration} from '../lib/duration.ts';
import {CliError} from './errors.ts';
import type {RawCommandLine} from './parse.ts';
import {suggestionSuffix} from './suggest.ts';
import type {ArgumentSpec, CommandSpec, FlagSpec, ParsedArguments} from './types.ts';

type ValueSpec = Pick<FlagSpec, 'kind' | 'values'>;

const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function toInteger(text: string): number {
  const value = numberPattern.test(text) ? Number(text) : Number.NaN;
  // The older program reads a float and cuts it, so 2.7 is 2 (cli.md 1.1).
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new CliError('ERR_CLI_VALUE', `strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.trunc(value);
}

function toUnsigned(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new CliError('ERR_CLI_VALUE', `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return value;
}

function toMilliseconds(text: string): number {
  try {
    return nsToMs(parseCliDuration(text));
  } catch (error) {
    if (error instanceof DurationError) throw new CliError('ERR_CLI_VALUE', error.message, {cause: error});
    throw error;
  }
}

/** Splits `key=value` or `key:value` at the first of the two signs. */
export function splitKeyValue(text: string): readonly [string, string] {
  const cut = text.search(/[=:]/);
  if (cut < 1) throw new CliError('ERR_CLI_VALUE', `expected KEY=VALUE got '${text}'`);
  return [text.slice(0, cut), text.slice(cut + 1)];
}

function toEnum(text: string, values: readonly string[]): string {
  if (values.includes(text)) return text;
  const hint = suggestionSuffix(text, values);
  throw new CliError('ERR_CLI_VALUE', `enum value must be one of ${values.join(',')}, got '${text}'${hint}`);
}

function toValue(spec: ValueSpec, text: string): unknown {
  switch (spec.kind) {
    case 'boolean':
      return text === 'true';
    case 'integer':
      return toInteger(text);
    case 'unsigned':
      return toUnsigned(text);
    case 'duration':
      return toMilliseconds(text);
    case 'enum':
      return toEnum(text, spec.values ?? []);
    case 'map':
      return splitKeyValue(text);
    case 'string':
    case 'file':
      return text;
  }
}

function collect(spec: ValueSpec & {readonly repeatable?: boolean}, texts: readonly string[]): unknown {
  const values = texts.map((text) => toValue(spec, text));
  if (spec.kind === 'map') {
    const pairs = values as readonly (readonly [string, string])[];
    // Without a prototype, so that a key named __proto__ is only a key.
    const map: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [key, value] of pairs) map[key] = value;
    return map;
  }
  return spec.repeatable === true ? values : values.at(-1);
}

function convertFlag(spec: FlagSpec, raw: RawCommandLine): unknown {
  const given = raw.flags.filter((flag) => flag.spec === spec).map((flag) => String(flag.value));
  if (given.length > 1 && spec.repeatable !== true && spec.kind !== 'map') {
    throw new CliError('ERR_CLI_USAGE', `flag '${spec.name}' cannot be repeated`);
  }
  if (given.length > 0) return collect(spec, given);
  if (spec.default !== undefined) return collect(spec, [spec.default]);
  if (spec.kind === 'boolean') return false;
  return spec.repeatable === true || spec.kind === 'map' ? collect(spec, []) : undefined;
}

function convertArgument(spec: ArgumentSpec, raw: RawCommandLine): unknown {
  const valueSpec = {...spec, kind: spec.kind ?? 'string'} as const;
  const given = raw.arguments.filter((item) => item.spec === spec).map((item) => item.value);
  if (given.length > 0) return collect(valueSpec, given);
  if (spec.default !== undefined) return collect(valueSpec, [spec.default]);
  return spec.repeatable === true || spec.kind === 'map' ? collect(valueSpec, []) : undefined;
}

function checkRequired(flags: readonly FlagSpec[], raw: RawCommandLine, command: CommandSpec): void {
  const missing = flags.filter((flag) => flag.required === true && !raw.flags.some((item) => item.spec === flag));
  if (missing.length > 0) {
    const names = missing.map((flag) => `--${flag.name}`).join(', ');
    throw new CliError('ERR_CLI_USAGE', `required flag${missing.length > 1 ? 's' : ''} ${names} not provided`);
  }
  for (const argument of command.arguments ?? []) {
    if (argument.required === true && !raw.arguments.some((item) => item.spec === argument)) {
      throw new CliError('ERR_CLI_USAGE', `required argument '${argument.name}' not provided`);
    }
  }
}

/**
 * @throws {CliError} `ERR_CLI_VALUE` | `ERR_CLI_USAGE`
 */
export function convertCommandLine(raw: RawCommandLine): ParsedArguments {
  const command = raw.path.at(-1);
  const flags: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const args: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const specs = raw.path.flatMap((part) => part.flags ?? []);
  for (const spec of specs) flags[spec.name] = convertFlag(spec, raw);
  for (const spec of command?.arguments ?? []) args[spec.name] = convertArgument(spec, raw);
  if (command !== undefined) checkRequired(specs, raw, command);
  return {
    command: raw.path.slice(1).map((part) => part.name),
    flags,
    arguments: args,
    given: new Set(raw.flags.map((flag) => flag.spec.name)),
  };
}
