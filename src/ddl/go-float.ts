/**
 * Floats as text by Go's rules: exact decimal expansion rounded half to even, two digits of exponent at least.
 */

/** `%f`: all digits of the value are known exactly, so that ties round to even and large values print in full. */
export function formatFixed(value: number, decimals: number): string {
  const negative = value < 0 || Object.is(value, -0);
  const {mantissa, exponent} = decompose(Math.abs(value));
  let scaled = mantissa * 10n ** BigInt(decimals);
  if (exponent >= 0) scaled <<= BigInt(exponent);
  else scaled = divideHalfEven(scaled, 1n << BigInt(-exponent));
  const digits = scaled.toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const text = decimals === 0 ? whole : `${whole}.${digits.slice(digits.length - decimals)}`;
  return negative ? `-${text}` : text;
}

/** `%e`. */
export function formatExponent(value: number, decimals: number): string {
  return widenExponent(value.toExponential(Math.min(decimals, 100)));
}

/** `%g`: the shortest text that reads back the same, or `precision` significant digits. */
export function formatShortest(value: number, precision?: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const significant = precision === undefined ? undefined : Math.min(Math.max(precision, 1), 100);
  const exponentForm = significant === undefined ? value.toExponential() : value.toExponential(significant - 1);
  const [digits = '', exponentText = '0'] = exponentForm.split('e');
  const exponent = Number(exponentText);
  const shortDigits = digits.includes('.') ? digits.replace(/0+$/, '').replace(/\.$/, '') : digits;
  const digitCount = shortDigits.replace(/[-.]/g, '').length;
  const threshold = exponentThreshold(significant, {digitCount, exponent});
  if (exponent < -4 || exponent >= threshold) return widenExponent(`${shortDigits}e${exponentText}`);
  return formatFixed(Number(exponentForm), Math.max(digitCount - 1 - exponent, 0));
}

/** From this exponent on the exponent form is used; the shortest form decides as if its precision were 6. */
function exponentThreshold(
  significant: number | undefined,
  digits: {readonly digitCount: number; readonly exponent: number},
): number {
  if (significant === undefined) return 6;
  const {digitCount, exponent} = digits;
  return significant > digitCount && digitCount >= exponent + 1 ? digitCount : significant;
}

function widenExponent(text: string): string {
  return text.replace(/e([+-])([0-9])$/, 'e$10$2');
}

/** value = mantissa * 2^exponent, exactly. */
function decompose(value: number): {readonly mantissa: bigint; readonly exponent: number} {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const raw = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return raw === 0
    ? {mantissa: fraction, exponent: -1074}
    : {mantissa: fraction | 0x10000000000000n, exponent: raw - 1075};
}

function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  if (twice > divisor || (twice === divisor && quotient % 2n === 1n)) return quotient + 1n;
  return quotient;
}
