/**
 * Parses an expression: operator precedence climbing over the tokens.
 *
 * Precedences follow expr-lang 1.17, loosest first: pipe, or, and, comparisons and word operators, range, sum, product, power, `??`.
 */
import {ExprError} from '../errors.ts';
import {compileRegex, RegexError} from '../../lib/regex.ts';
import type {BinaryOperator, Node} from './ast.ts';
import {plainFunctions, predicateFunctions} from './builtin-names.ts';
import {syntax, type Token, tokenize} from './lexer.ts';
import {exprDepthMax, exprNodesMax, exprSourceCharactersMax} from './limits.ts';

interface BinaryRule {
  readonly operator: BinaryOperator | '|';
  readonly precedence: number;
  readonly rightToLeft?: boolean;
}

const binaryRules: ReadonlyMap<string, BinaryRule> = new Map<string, BinaryRule>([
  ['|', {operator: '|', precedence: 0}],
  ['or', {operator: 'or', precedence: 10}],
  ['||', {operator: 'or', precedence: 10}],
  ['and', {operator: 'and', precedence: 15}],
  ['&&', {operator: 'and', precedence: 15}],
  ['==', {operator: '==', precedence: 20}],
  ['!=', {operator: '!=', precedence: 20}],
  ['<', {operator: '<', precedence: 20}],
  ['>', {operator: '>', precedence: 20}],
  ['<=', {operator: '<=', precedence: 20}],
  ['>=', {operator: '>=', precedence: 20}],
  ['in', {operator: 'in', precedence: 20}],
  ['matches', {operator: 'matches', precedence: 20}],
  ['contains', {operator: 'contains', precedence: 20}],
  ['startsWith', {operator: 'startsWith', precedence: 20}],
  ['endsWith', {operator: 'endsWith', precedence: 20}],
  ['..', {operator: '..', precedence: 25}],
  ['+', {operator: '+', precedence: 30}],
  ['-', {operator: '-', precedence: 30}],
  ['*', {operator: '*', precedence: 60}],
  ['/', {operator: '/', precedence: 60}],
  ['%', {operator: '%', precedence: 60}],
  ['**', {operator: '**', precedence: 100, rightToLeft: true}],
  ['^', {operator: '**', precedence: 100, rightToLeft: true}],
  ['??', {operator: '??', precedence: 500}],
]);

const unaryPrecedence: ReadonlyMap<string, number> = new Map([
  ['not', 50],
  ['!', 100],
  ['-', 90],
  ['+', 90],
]);

const negatable: ReadonlySet<string> = new Set(['in', 'matches', 'contains', 'startsWith', 'endsWith']);
const comparisons: ReadonlySet<string> = new Set(['<', '>', '<=', '>=']);

/** @throws {ExprError} `ERR_EXPR_SYNTAX` | `ERR_EXPR_BUDGET` */
export function parseExpression(source: string): Node {
  if (source.length > exprSourceCharactersMax) {
    throw new ExprError(
      'ERR_EXPR_BUDGET',
      `Cannot parse the expression: it has ${source.length} characters, at most ${exprSourceCharactersMax} are allowed`,
    );
  }
  const parser = new Parser(source);
  return parser.parse();
}

class Parser {
  private readonly source: string;
  private readonly tokens: readonly Token[];
  private position = 0;
  private nodes = 0;
  private depth = 0;
  private predicateDepth = 0;

  constructor(source: string) {
    this.source = source;
    this.tokens = tokenize(source);
  }

  parse(): Node {
    const node = this.sequence('');
    if (this.current.kind !== 'end') throw this.unexpected();
    return node;
  }

  private get current(): Token {
    return this.tokens[this.position] ?? {kind: 'end', text: '', offset: this.source.length};
  }

  private next(): Token {
    const token = this.current;
    this.position += 1;
    return token;
  }

  private is(text: string): boolean {
    const {kind} = this.current;
    return (kind === 'operator' || kind === 'bracket') && this.current.text === text;
  }

  private accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.position += 1;
    return true;
  }

  private expect(text: string): Token {
    if (!this.is(text)) throw this.unexpected(text);
    return this.next();
  }

  private unexpected(wanted?: string): ExprError {
    const {kind, text, offset} = this.current;
    const found = kind === 'end' ? 'end' : `"${text}"`;
    const suffix = wanted === undefined ? '' : `, expected "${wanted}"`;
    return syntax(`unexpected ${found}${suffix}`, this.source, offset);
  }

  private make(node: Node): Node {
    this.nodes += 1;
    if (this.nodes > exprNodesMax) {
      throw ExprError.at('ERR_EXPR_BUDGET', `Cannot parse the expression: it has more than ${exprNodesMax} parts`, {
        source: this.source,
        offset: node.offset,
      });
    }
    return node;
  }

  private nested<T>(parse: () => T): T {
    this.depth += 1;
    if (this.depth > exprDepthMax) {
      throw ExprError.at(
        'ERR_EXPR_BUDGET',
        `Cannot parse the expression: it is nested more than ${exprDepthMax} deep`,
        {
          source: this.source,
          offset: this.current.offset,
        },
      );
    }
    const result = parse();
    this.depth -= 1;
    return result;
  }

  /** Expressions divided by `;`: the last one is the value. A closing bracket or the end closes it. */
  private sequence(closing: string): Node {
    const {offset} = this.current;
    const nodes = [this.expression(0)];
    while (this.accept(';')) {
      if (this.current.kind === 'end' || (closing !== '' && this.is(closing))) break;
      nodes.push(this.expression(0));
    }
    const [only] = nodes;
    return nodes.length === 1 && only !== undefined ? only : this.make({kind: 'sequence', nodes, offset});
  }

  private expression(precedence: number): Node {
    return this.nested(() => {
      if (precedence === 0 && this.is('let')) return this.letExpression();
      if (precedence === 0 && this.is('if')) return this.ifExpression();
      const node = this.binary(precedence);
      return precedence === 0 ? this.conditional(node) : node;
    });
  }

  private binary(precedence: number): Node {
    let left = this.primary();
    let previous = '';
    while (this.current.kind === 'operator') {
      const start = this.position;
      const negated = this.is('not');
      if (negated) this.next();
      const token = this.current;
      const rule = token.kind === 'operator' ? binaryRules.get(token.text) : undefined;
      if (rule === undefined || rule.precedence < precedence || (negated && !negatable.has(token.text))) {
        this.position = start;
        break;
      }
      this.next();
      if (rule.operator === '|') {
        left = this.pipe(left);
      } else {
        if (previous === '??' && token.text !== '??') {
          throw syntax(
            `"${token.text}" and ?? cannot be mixed, expected brackets around one of them`,
            this.source,
            token.offset,
          );
        }
        left = comparisons.has(rule.operator)
          ? this.comparison(left, {...rule, offset: token.offset})
          : this.operation(left, {...rule, offset: token.offset});
      }
      if (negated) left = this.make({kind: 'unary', operator: 'not', operand: left, offset: token.offset});
      previous = token.text;
    }
    return left;
  }

  private operation(left: Node, rule: BinaryRule & {readonly offset: number}): Node {
    const right = this.expression(rule.rightToLeft === true ? rule.precedence : rule.precedence + 1);
    const operator = rule.operator as BinaryOperator;
    const {offset} = rule;
    if (operator === 'matches' && right.kind === 'literal' && typeof right.value === 'string') {
      return this.make({
        kind: 'binary',
        operator,
        left,
        right,
        offset,
        pattern: this.pattern(right.value, right.offset),
      });
    }
    return this.make({kind: 'binary', operator, left, right, offset});
  }

  private pattern(text: string, offset: number): ReturnType<typeof compileRegex> {
    try {
      return compileRegex(text);
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      throw syntax(error.message, this.source, offset);
    }
  }

  /** `a < b < c` reads as `a < b and b < c`. */
  private comparison(first: Node, firstRule: BinaryRule & {readonly offset: number}): Node {
    let rule: BinaryRule & {readonly offset: number} = firstRule;
    let left = first;
    let chain: Node | undefined;
    for (;;) {
      const right = this.expression(rule.precedence + 1);
      const {offset} = rule;
      const compared = this.make({kind: 'binary', operator: rule.operator as BinaryOperator, left, right, offset});
      chain =
        chain === undefined
          ? compared
          : this.make({kind: 'binary', operator: 'and', left: chain, right: compared, offset});
      const token = this.current;
      const following =
        token.kind === 'operator' && comparisons.has(token.text) ? binaryRules.get(token.text) : undefined;
      if (following === undefined) return chain;
      this.next();
      rule = {...following, offset: token.offset};
      left = right;
    }
  }

  private pipe(left: Node): Node {
    const name = this.next();
    if (name.kind !== 'name') {
      this.position -= 1;
      throw this.unexpected();
    }
    if (!this.is('(')) throw this.unexpected('(');
    return this.postfix(this.call(name, left));
  }

  private conditional(test: Node): Node {
    let node = test;
    while (this.current.kind === 'operator' && (this.is('?') || this.is('?:'))) {
      const {text, offset} = this.next();
      if (text === '?:') {
        const no = this.expression(0);
        node = this.make({kind: 'conditional', test: node, yes: node, no, offset});
        continue;
      }
      const yes = this.expression(0);
      this.expect(':');
      const no = this.expression(0);
      node = this.make({kind: 'conditional', test: node, yes, no, offset});
    }
    return node;
  }

  private letExpression(): Node {
    this.next();
    const name = this.next();
    if (name.kind !== 'name') {
      this.position -= 1;
      throw this.unexpected();
    }
    this.expect('=');
    const value = this.expression(0);
    this.expect(';');
    const body = this.sequence('}');
    return this.make({kind: 'let', name: name.text, value, body, offset: name.offset});
  }

  private ifExpression(): Node {
    const {offset} = this.next();
    const test = this.expression(0);
    this.expect('{');
    const yes = this.sequence('}');
    this.expect('}');
    this.expect('else');
    let no: Node;
    if (this.is('if')) {
      no = this.nested(() => this.ifExpression());
    } else {
      this.expect('{');
      no = this.sequence('}');
      this.expect('}');
    }
    return this.make({kind: 'conditional', test, yes, no, offset});
  }

  private primary(): Node {
    const token = this.current;
    if (token.kind === 'operator') {
      const precedence = unaryPrecedence.get(token.text);
      if (precedence !== undefined) {
        this.next();
        const operand = this.expression(precedence);
        const operator = token.text === '-' || token.text === '+' ? token.text : 'not';
        return this.postfix(this.make({kind: 'unary', operator, operand, offset: token.offset}));
      }
      if (this.predicateDepth > 0 && (token.text === '#' || token.text === '.')) return this.pointer();
    }
    if (this.accept('(')) {
      const inner = this.nested(() => this.sequence(')'));
      this.expect(')');
      return this.postfix(inner);
    }
    return this.secondary();
  }

  private pointer(): Node {
    const {offset, text} = this.current;
    if (text === '.') return this.postfix(this.make({kind: 'pointer', name: '', offset}));
    this.next();
    let name = '';
    if (this.current.kind === 'name' && this.current.offset === offset + 1) {
      name = this.next().text;
      if (name !== 'acc' && name !== 'index') throw syntax(`unknown pointer #${name}`, this.source, offset);
    }
    return this.postfix(this.make({kind: 'pointer', name, offset}));
  }

  private secondary(): Node {
    const token = this.current;
    const {offset} = token;
    switch (token.kind) {
      case 'int':
        this.next();
        return this.make({kind: 'literal', value: this.integer(token), offset});
      case 'float':
        this.next();
        return this.make({kind: 'literal', value: Number(token.text), offset});
      case 'string':
        this.next();
        return this.postfix(this.make({kind: 'literal', value: token.text, offset}));
      case 'name':
        this.next();
        return this.named(token);
      case 'bracket':
        if (token.text === '[') return this.postfix(this.array());
        if (token.text === '{') return this.postfix(this.map());
        throw this.unexpected();
      default:
        throw this.unexpected();
    }
  }

  private integer(token: Token): bigint {
    const value = BigInt(token.text.replace(/^0+(?=[0-9])/, ''));
    if (value >= 2n ** 63n) throw syntax(`${token.text} is beyond 64 bits`, this.source, token.offset);
    return value;
  }

  private named(token: Token): Node {
    const {offset, text} = token;
    if (text === 'true' || text === 'false') return this.make({kind: 'literal', value: text === 'true', offset});
    if (text === 'nil') return this.make({kind: 'literal', value: null, offset});
    if (this.is('(')) return this.postfix(this.call(token, undefined));
    const node: Node = text === '$env' ? {kind: 'environment', offset} : {kind: 'name', name: text, offset};
    return this.postfix(this.make(node));
  }

  private call(name: Token, first: Node | undefined): Node {
    const {offset, text} = name;
    this.expect('(');
    const given = first === undefined ? [] : [first];
    const predicate = predicateFunctions.get(text);
    if (predicate !== undefined) return this.predicateCall(name, given);
    const args = this.callArguments(given);
    const counts = plainFunctions.get(text);
    if (counts !== undefined) {
      const [least, most] = counts;
      if (args.length < least || args.length > most) {
        throw syntax(
          `${text} takes ${least === most ? least : `${least} to ${most}`} arguments, found ${args.length}`,
          this.source,
          offset,
        );
      }
      return this.make({kind: 'builtin', name: text, args, offset});
    }
    const callee = this.make({kind: 'name', name: text, offset});
    return this.make({kind: 'call', callee, args, offset});
  }

  private callArguments(given: readonly Node[]): readonly Node[] {
    const args = [...given];
    let first = true;
    while (!this.is(')')) {
      if (!first) {
        this.expect(',');
        if (this.is(')')) break;
      }
      first = false;
      args.push(this.expression(0));
    }
    this.expect(')');
    return args;
  }

  private predicateCall(name: Token, given: readonly Node[]): Node {
    const rule = predicateFunctions.get(name.text);
    const args = [...given];
    if (args.length === 0) args.push(this.expression(0));
    else if (!this.is(')') && this.is(',')) throw this.unexpected();
    const needsComma = given.length === 0;
    const more = needsComma ? this.accept(',') : !this.is(')');
    if (more && !this.is(')')) {
      args.push(this.predicate());
      for (let extra = 0; extra < (rule?.extra ?? 0) && this.accept(','); extra += 1) {
        if (this.is(')')) break;
        args.push(this.expression(0));
      }
      this.accept(',');
    } else if (rule?.optional !== true) {
      throw this.unexpected();
    }
    this.expect(')');
    return this.make({kind: 'builtin', name: name.text, args, offset: name.offset});
  }

  private predicate(): Node {
    const {offset} = this.current;
    const braced = this.accept('{');
    this.predicateDepth += 1;
    const body = braced ? this.nested(() => this.sequence('}')) : this.expression(0);
    this.predicateDepth -= 1;
    if (braced) this.expect('}');
    return this.make({kind: 'predicate', body, offset});
  }

  private array(): Node {
    const {offset} = this.next();
    const items: Node[] = [];
    while (!this.is(']')) {
      if (items.length > 0) {
        this.expect(',');
        if (this.is(']')) break;
      }
      items.push(this.expression(0));
    }
    this.expect(']');
    return this.make({kind: 'array', items, offset});
  }

  private map(): Node {
    const {offset} = this.next();
    const pairs: [Node, Node][] = [];
    while (!this.is('}')) {
      if (pairs.length > 0) {
        this.expect(',');
        if (this.is('}')) break;
      }
      const key = this.mapKey();
      this.expect(':');
      pairs.push([key, this.expression(0)]);
    }
    this.expect('}');
    return this.make({kind: 'map', pairs, offset});
  }

  private mapKey(): Node {
    const {kind, text, offset} = this.current;
    if (kind === 'name' || kind === 'string' || kind === 'int' || kind === 'float') {
      this.next();
      return this.make({kind: 'literal', value: text, offset});
    }
    if (this.is('(')) return this.expression(0);
    throw this.unexpected();
  }

  /** Members, indexes, slices and calls behind a value. One optional step makes the whole chain give way to nil. */
  private postfix(start: Node): Node {
    let node = start;
    let optionalChain = false;
    for (;;) {
      const token = this.current;
      if (this.is('.') || this.is('?.')) {
        const optional = token.text === '?.';
        optionalChain ||= optional;
        this.next();
        if (optional && this.accept('[')) {
          node = this.index(node, {optional, offset: token.offset});
          continue;
        }
        node = this.dotted(node, {optional, offset: token.offset});
      } else if (this.accept('[')) {
        node = this.index(node, {optional: false, offset: token.offset});
      } else {
        break;
      }
    }
    return optionalChain ? this.make({kind: 'chain', node, offset: start.offset}) : node;
  }

  private dotted(object: Node, at: {readonly optional: boolean; readonly offset: number}): Node {
    const name = this.next();
    const isWord = name.kind === 'operator' && /^[a-zA-Z]/.test(name.text);
    if (name.kind !== 'name' && !isWord) {
      this.position -= 1;
      throw this.unexpected();
    }
    const property = this.make({kind: 'literal', value: name.text, offset: name.offset});
    const member = this.make({kind: 'member', object, property, optional: at.optional, offset: name.offset});
    if (!this.accept('(')) return member;
    return this.make({kind: 'call', callee: member, args: this.callArguments([]), offset: name.offset});
  }

  private index(object: Node, at: {readonly optional: boolean; readonly offset: number}): Node {
    const {offset, optional} = at;
    const from = this.is(':') ? undefined : this.expression(0);
    if (this.accept(':')) {
      const to = this.is(']') ? undefined : this.expression(0);
      this.expect(']');
      return this.make({kind: 'slice', object, offset, ...(from && {from}), ...(to && {to})});
    }
    if (from === undefined) throw this.unexpected();
    this.expect(']');
    return this.make({kind: 'member', object, property: from, optional, offset});
  }
}
