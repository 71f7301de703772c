/**
 * Tells what is wrong with JSON text in the words that Choria's programs use.
 *
 * Replies carry these words over the wire (`could not parse incoming message ...: invalid character 'o' in literal null (expecting 'u')`),
 * so scripts and people know them. The checker walks bytes with an explicit stack: depth is bounded by a number, not by the machine's
 * stack. Accepted text is exactly RFC 8259; bytes that are not UTF-8 inside strings pass, as they do in the reference.
 *
 * Pure. Rules: the reference's JSON scanner; vectors `agents/rpc.json`, `agents/external.json`, `protocol/rpc-bodies-v1.json`.
 */

/** Deeper nesting is refused: no honest message comes near it and recursive readers behind this check stay safe. */
export const jsonDepthMax = 10_000;

/**
 * The first problem of the text, or undefined when it is one valid JSON value with nothing behind it.
 *
 * @example
 * jsonSyntaxError('nope'); // "invalid character 'o' in literal null (expecting 'u')"
 */
export function jsonSyntaxError(text: string | Uint8Array): string | undefined {
  return new Scanner(typeof text === 'string' ? Buffer.from(text, 'utf8') : text).run().problem;
}

/**
 * Like `jsonSyntaxError`, but stops after the first value.
 *
 * @returns the problem, or where the first value ends (in bytes)
 */
export function firstJsonValue(bytes: Uint8Array): {readonly problem: string} | {readonly end: number} {
  const result = new Scanner(bytes).first();
  return result.problem === undefined ? {end: result.end} : {problem: result.problem};
}

const endOfInput = 'unexpected end of JSON input';

interface Outcome {
  readonly problem: string | undefined;
  readonly end: number;
}

class Scanner {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** One entry for each open container: true for an object. */
  readonly #open: boolean[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  run(): Outcome {
    const first = this.first();
    if (first.problem !== undefined) return first;
    this.#skipSpace();
    if (this.#at >= this.#bytes.length) return {problem: undefined, end: this.#at};
    return {problem: this.#bad('after top-level value'), end: this.#at};
  }

  first(): Outcome {
    let problem = this.#value();
    while (problem === undefined && this.#open.length > 0) problem = this.#afterValue();
    return {problem, end: this.#at};
  }

  /** Reads one value, or opens one container and its first value. */
  #value(): string | undefined {
    for (;;) {
      this.#skipSpace();
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return endOfInput;
      if (byte === 0x22) return this.#string();
      if (byte === 0x2d || isDigit(byte)) return this.#number();
      if (byte === 0x74) return this.#literal('true');
      if (byte === 0x66) return this.#literal('false');
      if (byte === 0x6e) return this.#literal('null');
      if (byte !== 0x7b && byte !== 0x5b) return this.#bad('looking for beginning of value');
      if (this.#open.length >= jsonDepthMax) return 'exceeded max depth';
      this.#at++;
      this.#skipSpace();
      if (byte === 0x5b) {
        if (this.#bytes[this.#at] === 0x5d) return this.#close();
        this.#open.push(false);
        continue;
      }
      if (this.#bytes[this.#at] === 0x7d) return this.#close();
      this.#open.push(true);
      const problem = this.#key();
      if (problem !== undefined) return problem;
    }
  }

  #close(): undefined {
    this.#at++;
    return undefined;
  }

  #afterValue(): string | undefined {
    const inObject = this.#open.at(-1) === true;
    this.#skipSpace();
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return endOfInput;
    if (byte === (inObject ? 0x7d : 0x5d)) {
      this.#open.pop();
      return this.#close();
    }
    if (byte !== 0x2c) return this.#bad(inObject ? 'after object key:value pair' : 'after array element');
    this.#at++;
    return (inObject ? this.#key() : undefined) ?? this.#value();
  }

  #key(): string | undefined {
    this.#skipSpace();
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return endOfInput;
    if (byte !== 0x22) return this.#bad('looking for beginning of object key string');
    const problem = this.#string();
    if (problem !== undefined) return problem;
    this.#skipSpace();
    if (this.#at >= this.#bytes.length) return endOfInput;
    if (this.#bytes[this.#at] !== 0x3a) return this.#bad('after object key');
    this.#at++;
    return undefined;
  }

  #string(): string | undefined {
    this.#at++;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return endOfInput;
      if (byte === 0x22) return this.#close();
      if (byte < 0x20) return this.#bad('in string literal');
      this.#at++;
      if (byte !== 0x5c) continue;
      const problem = this.#escape();
      if (problem !== undefined) return problem;
    }
  }

  #escape(): string | undefined {
    const escape = this.#bytes[this.#at];
    if (escape === undefined) return endOfInput;
    if (!'bfnrt\\/"u'.includes(String.fromCharCode(escape))) return this.#bad('in string escape code');
    this.#at++;
    if (escape !== 0x75) return undefined;
    for (let digit = 0; digit < 4; digit++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return endOfInput;
      if (!isHexDigit(byte)) return this.#bad('in \\u hexadecimal character escape');
      this.#at++;
    }
    return undefined;
  }

  #number(): string | undefined {
    if (this.#bytes[this.#at] === 0x2d) {
      this.#at++;
      if (this.#at >= this.#bytes.length) return endOfInput;
      if (!isDigit(this.#bytes[this.#at])) return this.#bad('in numeric literal');
    }
    if (this.#bytes[this.#at] === 0x30) this.#at++;
    else this.#digits();
    if (this.#bytes[this.#at] === 0x2e) {
      this.#at++;
      if (this.#at >= this.#bytes.length) return endOfInput;
      if (!isDigit(this.#bytes[this.#at])) return this.#bad('after decimal point in numeric literal');
      this.#digits();
    }
    const byte = this.#bytes[this.#at];
    if (byte !== 0x65 && byte !== 0x45) return undefined;
    this.#at++;
    const sign = this.#bytes[this.#at];
    if (sign === 0x2b || sign === 0x2d) this.#at++;
    if (this.#at >= this.#bytes.length) return endOfInput;
    if (!isDigit(this.#bytes[this.#at])) return this.#bad('in exponent of numeric literal');
    this.#digits();
    return undefined;
  }

  #digits(): void {
    while (isDigit(this.#bytes[this.#at])) this.#at++;
  }

  #literal(word: string): string | undefined {
    for (let index = 0; index < word.length; index++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return endOfInput;
      if (byte !== word.charCodeAt(index)) return this.#bad(`in literal ${word} (expecting '${word[index]}')`);
      this.#at++;
    }
    return undefined;
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  #bad(where: string): string {
    return `invalid character ${quoteByte(this.#bytes[this.#at] ?? 0)} ${where}`;
  }
}

/** The reference quotes the byte as if it were a Latin-1 character. */
function quoteByte(byte: number): string {
  if (byte === 0x27) return "'\\''";
  if (byte === 0x22) return "'\"'";
  const escapes: Readonly<Record<number, string>> = {
    7: '\\a',
    8: '\\b',
    9: '\\t',
    10: '\\n',
    11: '\\v',
    12: '\\f',
    13: '\\r',
    92: '\\\\',
  };
  const escape = escapes[byte];
  if (escape !== undefined) return `'${escape}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`;
  // 0x80-0xa0 and the soft hyphen cannot be printed.
  if ((byte >= 0x80 && byte <= 0xa0) || byte === 0xad) return `'\\u00${byte.toString(16)}'`;
  return `'${String.fromCharCode(byte)}'`;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}
