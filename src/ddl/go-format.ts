/**
 * Go's fmt for the few kinds of values that descriptions format: texts, integers, floats, and JSON values under `%v`.
 *
 * Formats come from DDL files written for Go, mistakes included, so wrong verbs and missing arguments print Go's own complaints
 * (`%!d(string=a)`, `%!(EXTRA int=2)`).
 */
import {formatFixed} from '../lib/go-number.ts';
import {formatExponent, formatShortest} from './go-float.ts';
import {formatWidthMax} from './limits.ts';

/** An integer is marked, because JavaScript has no other way to tell `2` from `2.0`. */
export type FormatArgument = string | {readonly integer: number | bigint} | {readonly float: number};

interface Verb {
  readonly letter: string;
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

/**
 * @example
 * goFormat('%-10s %5d', ['web', {integer: 3}]); // 'web            3'
 */
export function goFormat(format: string, args: readonly FormatArgument[]): string {
  const parts: string[] = [];
  let next = 0;
  let reordered = false;
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf('%', at);
    if (percent < 0) {
      parts.push(format.slice(at));
      break;
    }
    parts.push(format.slice(at, percent));
    const spec = readSpec(format, percent + 1);
    at = spec.end;
    if (spec.verb === undefined) {
      parts.push('%!(NOVERB)');
      break;
    }
    if (spec.verb.letter === '%') {
      parts.push('%');
      continue;
    }
    if (spec.index !== undefined) {
      next = spec.index - 1;
      reordered = true;
    }
    const argument = args[next];
    if (next < 0 || (spec.index !== undefined && argument === undefined)) parts.push(`%!${spec.verb.letter}(BADINDEX)`);
    else if (argument === undefined) parts.push(`%!${spec.verb.letter}(MISSING)`);
    else parts.push(formatArgument(spec.verb, argument));
    next++;
  }
  if (!reordered && next < args.length) {
    parts.push(
      `%!(EXTRA ${args
        .slice(next)
        .map((argument) => `${typeName(argument)}=${plain(argument)}`)
        .join(', ')})`,
    );
  }
  return parts.join('');
}

function readSpec(
  format: string,
  start: number,
): {readonly verb: Verb | undefined; readonly index: number | undefined; readonly end: number} {
  const match = /^([-+# 0]*)(?:\[([0-9]{1,6})\])?([0-9]{0,6})(?:(\.)([0-9]{0,6}))?(?:\[([0-9]{1,6})\])?/.exec(
    format.slice(start),
  );
  const [all = '', flags = '', before, width = '', dot, precision = '', after] = match ?? [];
  const letter = Array.from(format.slice(start + all.length, start + all.length + 2))[0];
  const index = after ?? before;
  return {
    verb:
      letter === undefined
        ? undefined
        : {
            letter,
            flags,
            width: width === '' ? undefined : Math.min(Number(width), formatWidthMax),
            precision: dot === undefined ? undefined : Math.min(Number(precision), formatWidthMax),
          },
    index: index === undefined ? undefined : Number(index),
    end: start + all.length + (letter?.length ?? 0),
  };
}

function formatArgument(verb: Verb, argument: FormatArgument): string {
  // With %v a plus asks for the names of fields.
  const asked = verb.letter === 'v' ? {...verb, flags: verb.flags.replaceAll('+', '')} : verb;
  // A complaint shows the value with the width and the flags of the verb that does not fit.
  const complaint = (): string =>
    `%!${verb.letter}(${typeName(argument)}=${formatBy({...verb, letter: 'v'}, argument) ?? plain(argument)})`;
  return formatBy(asked, argument) ?? complaint();
}

function formatBy(verb: Verb, argument: FormatArgument): string | undefined {
  if (typeof argument === 'string') return formatText(verb, argument);
  return 'integer' in argument ? formatInteger(verb, BigInt(argument.integer)) : formatFloat(verb, argument.float);
}

function typeName(argument: FormatArgument): string {
  if (typeof argument === 'string') return 'string';
  return 'integer' in argument ? 'int' : 'float64';
}

function plain(argument: FormatArgument): string {
  if (typeof argument === 'string') return argument;
  return 'integer' in argument ? argument.integer.toString() : formatShortest(argument.float);
}

function formatText(verb: Verb, text: string): string | undefined {
  const {precision} = verb;
  const cut = precision === undefined ? text : Array.from(text).slice(0, precision).join('');
  switch (verb.letter) {
    case 's':
    case 'v':
      return pad(verb, verb.letter === 'v' && verb.flags.includes('#') ? JSON.stringify(cut) : cut);
    case 'q':
      return pad(verb, JSON.stringify(cut));
    case 'x':
    case 'X': {
      const hex = Buffer.from(cut, 'utf8').toString('hex');
      return pad(verb, verb.letter === 'X' ? hex.toUpperCase() : hex);
    }
    default:
      return undefined;
  }
}

const integerBases: Readonly<Record<string, number>> = {d: 10, v: 10, b: 2, o: 8, x: 16, X: 16};

function formatInteger(verb: Verb, value: bigint): string | undefined {
  const base = integerBases[verb.letter];
  if (base !== undefined) {
    const digits = (value < 0n ? -value : value).toString(base).padStart(verb.precision ?? 0, '0');
    const cased = verb.letter === 'X' ? digits.toUpperCase() : digits;
    return padNumber(verb, {sign: signOf(verb, value < 0n), digits: cased, zeros: verb.precision === undefined});
  }
  if (verb.letter === 'c' && value >= 0n && value <= 0x10ffffn) return pad(verb, String.fromCodePoint(Number(value)));
  if (verb.letter === 'U') return pad(verb, `U+${value.toString(16).toUpperCase().padStart(4, '0')}`);
  return undefined;
}

function formatFloat(verb: Verb, value: number): string | undefined {
  const digits = floatDigits(verb, Math.abs(value));
  if (digits === undefined) return undefined;
  const negative = value < 0 || Object.is(value, -0);
  const sign = Number.isNaN(value) ? signOf(verb, false) : value === Infinity ? '+' : signOf(verb, negative);
  return padNumber(verb, {sign, digits, zeros: Number.isFinite(value)});
}

function floatDigits(verb: Verb, value: number): string | undefined {
  if (!'fFeEgGv'.includes(verb.letter)) return undefined;
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return 'Inf';
  const upper = verb.letter === 'E' || verb.letter === 'G';
  const text = (() => {
    switch (verb.letter) {
      case 'f':
      case 'F':
        return formatFixed(value, verb.precision ?? 6);
      case 'e':
      case 'E':
        return formatExponent(value, verb.precision ?? 6);
      default:
        return formatShortest(value, verb.precision);
    }
  })();
  return upper ? text.toUpperCase() : text;
}

function signOf(verb: Verb, negative: boolean): string {
  if (negative) return '-';
  if (verb.flags.includes('+')) return '+';
  return verb.flags.includes(' ') ? ' ' : '';
}

function padNumber(
  verb: Verb,
  number: {readonly sign: string; readonly digits: string; readonly zeros: boolean},
): string {
  if (number.zeros && verb.flags.includes('0') && !verb.flags.includes('-')) {
    return number.sign + number.digits.padStart((verb.width ?? 0) - number.sign.length, '0');
  }
  return pad({...verb, flags: verb.flags.replaceAll('0', '')}, number.sign + number.digits);
}

/** Widths count characters, not bytes. */
function pad(verb: Verb, text: string): string {
  const missing = (verb.width ?? 0) - Array.from(text).length;
  if (missing <= 0) return text;
  if (verb.flags.includes('-')) return text + ' '.repeat(missing);
  return (verb.flags.includes('0') ? '0' : ' ').repeat(missing) + text;
}

/** A JSON value under `%v`: `map[a:1 b:[x y]]`, `<nil>`. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return formatShortest(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (typeof value !== 'object') return '';
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${goValue(item)}`).join(' ')}]`;
}
