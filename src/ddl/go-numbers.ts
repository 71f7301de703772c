/**
 * Numbers and booleans as texts on the command line, with the rules of Go's strconv: they decide what a fleet's scripts may write.
 */
const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/**
 * Decimal digits with an optional sign, within 64 bits.
 *
 * @returns a number where it is exact, a bigint beyond 2^53, undefined when it is not an integer
 */
export function parseGoInteger(text: string): number | bigint | undefined {
  if (!/^[+-]?[0-9]{1,4096}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value < int64Min || value > int64Max) return undefined;
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** `1 t T TRUE true True` and their opposites, nothing else. */
export function parseGoBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  return undefined;
}

/**
 * Decimal and hexadecimal floats, infinities and NaN.
 *
 * Underscores are what the reference's own parser takes between digits. Out of range is undefined, too small is 0.
 */
export function parseGoFloat(text: string): number | undefined {
  if (text.length > 4096) return undefined;
  const special = /^([+-]?)(inf|infinity)$/i.exec(text);
  if (special) return special[1] === '-' ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  const plain = withoutUnderscores(text);
  if (plain === undefined) return undefined;
  if (/^[+-]?0[xX]/.test(plain)) return parseHexFloat(plain);
  if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}

/** Underscores may stand between digits, or between a base prefix and a digit; anywhere else the text is no number. */
function withoutUnderscores(text: string): string | undefined {
  if (!text.includes('_')) return text;
  const isHex = /^[+-]?0[xX]/.test(text);
  const digit = isHex ? /[0-9a-fA-F]/ : /[0-9]/;
  for (let index = 0; index < text.length; index++) {
    if (text[index] !== '_') continue;
    const before = text[index - 1] ?? '';
    const after = text[index + 1] ?? '';
    const followsPrefix = isHex && /[xX]/.test(before);
    if (!(digit.test(before) || followsPrefix) || !digit.test(after)) return undefined;
  }
  return text.replaceAll('_', '');
}

function parseHexFloat(text: string): number | undefined {
  const match = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  if (whole.length + fraction.length === 0) return undefined;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return sign === '-' ? -0 : 0;
  const exponent = Number(exponentText) - 4 * fraction.length;
  // Scaled in two steps so that neither overflows before the other brings it back.
  const mantissa = Number(BigInt(`0x${digits}`));
  const half = Math.trunc(exponent / 2);
  const value = mantissa * 2 ** half * 2 ** (exponent - half);
  if (!Number.isFinite(value)) return undefined;
  return sign === '-' ? -value : value;
}
