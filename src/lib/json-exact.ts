/**
 * A JSON reader that keeps integers beyond 2^53 as `bigint`. Slower than the host's, which it otherwise equals; the caller has
 * bounded size and depth. Throws SyntaxError. Pure.
 */
export function parseExactJson(text: string): unknown {
  return new Reader(text).document();
}

const whitespace = /[ \t\n\r]*/y;
const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const plainString = /"[^"\\\u0000-\u001f]*"/y;
const escapedString = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected();
    return value;
  }

  #value(): unknown {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#list();
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(): unknown {
    // Entries are defined, not assigned: `__proto__` stays an ordinary key.
    const entries: [string, unknown][] = [];
    this.#at++;
    if (this.#takes('}')) return {};
    do {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw this.#unexpected();
      const key = this.#string();
      if (!this.#takes(':')) throw this.#unexpected();
      entries.push([key, this.#value()]);
    } while (this.#takes(','));
    if (!this.#takes('}')) throw this.#unexpected();
    return Object.fromEntries(entries);
  }

  #list(): unknown {
    const items: unknown[] = [];
    this.#at++;
    if (this.#takes(']')) return items;
    do items.push(this.#value());
    while (this.#takes(','));
    if (!this.#takes(']')) throw this.#unexpected();
    return items;
  }

  #string(): string {
    const plain = this.#match(plainString);
    if (plain !== undefined) return plain.slice(1, -1);
    const escaped = this.#match(escapedString);
    if (escaped === undefined) throw this.#unexpected();
    return JSON.parse(escaped) as string;
  }

  #number(): number | bigint {
    const token = this.#match(numberToken);
    if (token === undefined || token === '') throw this.#unexpected();
    const value = Number(token);
    if (Number.isSafeInteger(value) || /[.eE]/.test(token)) return value;
    return BigInt(token);
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected();
    this.#at += word.length;
    return value;
  }

  #takes(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    this.#match(whitespace);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at += match[0].length;
    return match[0];
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`unexpected text at position ${this.#at}`);
  }
}
