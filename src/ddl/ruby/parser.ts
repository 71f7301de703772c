/**
 * Statements of Ruby DDL text: calls with arguments and blocks, and `each` over a list written there. Nothing is evaluated by a host
 * language; what is not part of the subset is refused with its line.
 */
import {DdlError} from '../errors.ts';
import {rubyDepthMax} from '../limits.ts';
import {tokenize, type TextPart, type Token} from './tokens.ts';

/** A symbol is not the same as a text: messages and defaults show the difference. */
export interface RubySymbol {
  readonly symbol: string;
}

export type Expression =
  | {readonly kind: 'value'; readonly value: string | number | boolean | null | RubySymbol}
  | {readonly kind: 'text'; readonly parts: readonly TextPart[]}
  | {readonly kind: 'variable'; readonly name: string}
  | {readonly kind: 'list'; readonly items: readonly Expression[]}
  | {readonly kind: 'map'; readonly entries: readonly (readonly [Expression, Expression])[]}
  | {readonly kind: 'call'; readonly call: Call};

export interface Call {
  readonly name: string;
  readonly line: number;
  readonly args: readonly Expression[];
  /** `key => value` arguments. */
  readonly options: readonly (readonly [Expression, Expression])[];
  readonly block?: Block;
}

export interface Block {
  readonly parameters: readonly string[];
  readonly body: readonly Statement[];
}

export type Statement =
  | {readonly kind: 'call'; readonly call: Call}
  | {readonly kind: 'each'; readonly list: Expression; readonly block: Block; readonly line: number};

/** @throws {DdlError} `ERR_DDL_RUBY` */
export function parseRuby(source: string): readonly Statement[] {
  const parser = new Parser(tokenize(source));
  return parser.program();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  program(): readonly Statement[] {
    const statements = this.#statements();
    const token = this.#peek();
    if (token.kind !== 'end') throw this.#fail(`${JSON.stringify(token.text)} was not expected`);
    return statements;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? {kind: 'end', text: '', line: 0};
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token.kind !== 'text' && token.kind !== 'symbol' && token.text === text && token.kind !== 'end';
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }

  #want(text: string): void {
    if (!this.#take(text)) throw this.#fail(`expected ${JSON.stringify(text)}`);
  }

  #fail(problem: string): DdlError {
    const {line} = this.#peek();
    return new DdlError('ERR_DDL_RUBY', `Cannot read Ruby DDL at line ${line}: ${problem}`, {details: {line}});
  }

  #skipLines(): void {
    while (this.#is('\n') || this.#is(';')) this.#at++;
  }

  #statements(): readonly Statement[] {
    if (++this.#depth > rubyDepthMax) throw this.#fail(`blocks nest deeper than ${rubyDepthMax}`);
    const statements: Statement[] = [];
    for (this.#skipLines(); !this.#is('end') && !this.#is('}') && this.#peek().kind !== 'end'; this.#skipLines()) {
      statements.push(this.#statement());
    }
    this.#depth--;
    return statements;
  }

  #statement(): Statement {
    const {line} = this.#peek();
    if (this.#is('[')) {
      const list = this.#expression();
      this.#want('.');
      this.#want('each');
      const block = this.#block();
      if (!block) throw this.#fail('expected a block');
      return {kind: 'each', list, block, line};
    }
    const token = this.#next();
    if (token.kind !== 'name') throw this.#fail(`expected a statement, found ${JSON.stringify(token.text)}`);
    return {kind: 'call', call: this.#call(token)};
  }

  #call(name: Token): Call {
    const inParentheses = this.#take('(');
    const args: Expression[] = [];
    const options: (readonly [Expression, Expression])[] = [];
    const isEnd = (): boolean => {
      if (inParentheses) return this.#is(')');
      return ['\n', ';', 'do', '{', 'end', ')', ','].some((text) => this.#is(text)) || this.#peek().kind === 'end';
    };
    while (!isEnd()) {
      this.#skipNewlinesInside(inParentheses);
      const first = this.#expression();
      if (this.#take('=>')) {
        this.#skipNewlinesInside(true);
        options.push([first, this.#expression()]);
      } else args.push(first);
      this.#skipNewlinesInside(inParentheses);
      if (!this.#take(',')) break;
      this.#skipNewlinesInside(true);
    }
    if (inParentheses) this.#want(')');
    const block = this.#block();
    return {name: name.text, line: name.line, args, options, ...(block === undefined ? {} : {block})};
  }

  #skipNewlinesInside(yes: boolean): void {
    if (!yes) return;
    while (this.#is('\n')) this.#at++;
  }

  #block(): Block | undefined {
    const opening = this.#take('do') ? 'do' : this.#take('{') ? '{' : undefined;
    if (opening === undefined) return undefined;
    const parameters: string[] = [];
    if (this.#take('|')) {
      while (!this.#take('|')) {
        const token = this.#next();
        if (token.kind !== 'name' && token.text !== ',') throw this.#fail('expected the name of a block parameter');
        if (token.kind === 'name') parameters.push(token.text);
      }
    }
    const body = this.#statements();
    this.#want(opening === 'do' ? 'end' : '}');
    return {parameters, body};
  }

  #expression(): Expression {
    if (++this.#depth > rubyDepthMax) throw this.#fail(`values nest deeper than ${rubyDepthMax}`);
    const expression = this.#primary();
    this.#depth--;
    return expression;
  }

  #primary(): Expression {
    const token = this.#next();
    if (token.kind === 'text') return {kind: 'text', parts: token.parts};
    if (token.kind === 'symbol') return {kind: 'value', value: {symbol: token.text}};
    if (token.kind === 'number') return {kind: 'value', value: Number(token.text)};
    if (token.text === '[') return {kind: 'list', items: this.#list(']', () => this.#expression())};
    if (token.text === '{') return {kind: 'map', entries: this.#list('}', () => this.#entry())};
    if (token.kind !== 'name') throw this.#fail(`expected a value, found ${JSON.stringify(token.text)}`);
    if (token.text === 'true' || token.text === 'false') return {kind: 'value', value: token.text === 'true'};
    if (token.text === 'nil') return {kind: 'value', value: null};
    if (this.#is('(')) return {kind: 'call', call: this.#call(token)};
    return {kind: 'variable', name: token.text};
  }

  #entry(): readonly [Expression, Expression] {
    const key = this.#expression();
    this.#want('=>');
    return [key, this.#expression()];
  }

  #list<T>(close: string, item: () => T): readonly T[] {
    const items: T[] = [];
    for (this.#skipNewlinesInside(true); !this.#take(close); this.#skipNewlinesInside(true)) {
      items.push(item());
      this.#skipNewlinesInside(true);
      if (!this.#take(',') && !this.#is(close)) throw this.#fail(`expected ${JSON.stringify(close)}`);
    }
    return items;
  }
}
