/**
 * Floats as text by Go's rules: exact decimal expansion rounded half to even, two digits of exponent at least.
 */
import {formatFixed} from '../lib/go-number.ts';

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
