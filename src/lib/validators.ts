/**
 * The validators of configuration keys and DDL inputs: each gives a verdict, and on refusal the text that people know.
 *
 * Lengths are bytes, patterns are RE2 and unanchored. Pure. Rules: spec/config.md section 5; vectors `config/validators.json`.
 */
import {parseGoDuration} from './duration.ts';
import {errorMessage} from './errors.ts';
import {parseIpAddress} from './ip-address.ts';
import {compileRegex, type Regex} from './regex.ts';

/** undefined: accepted. Otherwise why not. */
export type Verdict = string | undefined;

/** In the order in which the first offender is named. */
const shellUnsafe: readonly string[] = ['`', '$', ';', '|', '&&', '>', '<'];

/** Refuses what a shell would act upon. Quotes, a single `&` and new lines pass. */
export function validateShellSafe(input: string): Verdict {
  const offender = shellUnsafe.find((item) => input.includes(item));
  return offender === undefined ? undefined : `may not contain '${offender}'`;
}

export function validateIpv4(input: string): Verdict {
  return parseIpAddress(input)?.length === 4 ? undefined : `${input} is not an IPv4 address`;
}

export function validateIpv6(input: string): Verdict {
  return parseIpAddress(input)?.length === 16 ? undefined : `${input} is not an IPv6 address`;
}

export function validateIpAddress(input: string): Verdict {
  return parseIpAddress(input) ? undefined : `${input} is not an IP address`;
}

/** Go durations only: `1d` is refused, `0` accepted. */
export function validateDuration(input: string): Verdict {
  try {
    parseGoDuration(input);
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}

/** @param options.compile a cache's compiler; without it each call compiles anew */
export function validateRegex(
  input: string,
  pattern: string,
  options: {readonly compile?: (pattern: string) => Regex} = {},
): Verdict {
  let regex: Regex;
  try {
    regex = (options.compile ?? compileRegex)(pattern);
  } catch {
    // Whatever is wrong with the pattern, the known text names only the pattern.
    return `invalid regex '${pattern}'`;
  }
  return regex.test(input) ? undefined : `input does not match '${pattern}'`;
}

/** Bytes of a text, items of a list. */
export function validateMaxLength(input: string | readonly string[], max: number): Verdict {
  if (typeof input !== 'string') {
    return input.length <= max ? undefined : `${input.length} values, max allowed ${max}`;
  }
  const bytes = Buffer.byteLength(input, 'utf8');
  return bytes <= max ? undefined : `${bytes} characters, max allowed ${max}`;
}

/** Exact and case sensitive; of a list every item. */
export function validateEnum(input: string | readonly string[], allowed: readonly string[]): Verdict {
  const items = typeof input === 'string' ? [input] : input;
  const offender = items.find((item) => !allowed.includes(item));
  return offender === undefined ? undefined : `'${offender}' is not in the allowed list: ${allowed.join(', ')}`;
}
