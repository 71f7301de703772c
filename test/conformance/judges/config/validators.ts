import {
  formatGoDuration,
  parseExtendedDuration,
  parseGoDuration,
  renderDuration,
} from '../../../../src/lib/duration.ts';
import {errorMessage} from '../../../../src/lib/errors.ts';
import {parseBoolWord} from '../../../../src/lib/go-text.ts';
import {
  validateDuration,
  validateEnum,
  validateIpAddress,
  validateIpv4,
  validateIpv6,
  validateMaxLength,
  validateRegex,
  validateShellSafe,
  type Verdict,
} from '../../../../src/lib/validators.ts';
import {judgeEqual, type Judge} from '../../judge.ts';

interface ValidatorCase {
  readonly validator: string;
  readonly input: string | readonly string[];
  readonly arg?: unknown;
  readonly ok: boolean;
  readonly error?: string;
  readonly value?: unknown;
  readonly ns?: number;
  readonly text?: string;
}

const judge: Judge = async ({data}) => {
  const {cases} = data as {cases: readonly ValidatorCase[]};
  return cases.map((item, index) => {
    const name = `${index} ${item.validator} ${JSON.stringify(item.input)}`;
    const {validator: _validator, input: _input, arg: _arg, ...expected} = item;
    return judgeEqual(name, expected, run(item));
  });
};

function run(item: ValidatorCase): unknown {
  const text = String(item.input);
  switch (item.validator) {
    case 'bool':
      return attempt(() => ({value: parseBoolWord(text)}), {value: false});
    case 'parse_duration':
      return attempt(() => durationParts(parseExtendedDuration(text)), durationParts(0n));
    case 'render_duration':
      return attempt(() => ({text: renderDuration(parseGoDuration(text))}), {});
    default:
      return verdict(validate(item));
  }
}

function durationParts(ns: bigint): {ns: number; text: string} {
  return {ns: Number(ns), text: formatGoDuration(ns)};
}

function attempt(work: () => object, failed: object): unknown {
  try {
    return {ok: true, ...work()};
  } catch (error) {
    return {ok: false, error: errorMessage(error), ...failed};
  }
}

function verdict(problem: Verdict): unknown {
  return problem === undefined ? {ok: true} : {ok: false, error: problem};
}

function validate(item: ValidatorCase): Verdict {
  const {input, arg} = item;
  const text = String(input);
  switch (item.validator) {
    case 'shellsafe':
      return validateShellSafe(text);
    case 'ipv4':
      return validateIpv4(text);
    case 'ipv6':
      return validateIpv6(text);
    case 'ipaddress':
      return validateIpAddress(text);
    case 'duration':
      return validateDuration(text);
    case 'regex':
      return validateRegex(text, String(arg));
    case 'maxlength':
      return validateMaxLength(input, Number(arg));
    case 'enum':
      return validateEnum(input, arg as readonly string[]);
    default:
      return `no validator "${item.validator}"`;
  }
}

export default judge;
