/** The parsed expression. `offset` is where it starts in the source. */
import type {Regex} from '../../lib/regex.ts';
import type {ExprValue} from './values.ts';

export type BinaryOperator =
  | 'or'
  | 'and'
  | '=='
  | '!='
  | '<'
  | '>'
  | '<='
  | '>='
  | 'in'
  | 'matches'
  | 'contains'
  | 'startsWith'
  | 'endsWith'
  | '..'
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '**'
  | '??';

export type UnaryOperator = 'not' | '-' | '+';

interface At {
  readonly offset: number;
}

export type Node =
  | (At & {readonly kind: 'literal'; readonly value: ExprValue})
  | (At & {readonly kind: 'name'; readonly name: string})
  | (At & {readonly kind: 'environment'})
  | (At & {readonly kind: 'pointer'; readonly name: string})
  | (At & {readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Node})
  | (At & {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Node;
      readonly right: Node;
      /** The compiled right side of `matches`, when it is a literal. */
      readonly pattern?: Regex;
    })
  | (At & {readonly kind: 'chain'; readonly node: Node})
  | (At & {
      readonly kind: 'member';
      readonly object: Node;
      readonly property: Node;
      readonly optional: boolean;
    })
  | (At & {readonly kind: 'slice'; readonly object: Node; readonly from?: Node; readonly to?: Node})
  | (At & {readonly kind: 'call'; readonly callee: Node; readonly args: readonly Node[]})
  | (At & {readonly kind: 'builtin'; readonly name: string; readonly args: readonly Node[]})
  | (At & {readonly kind: 'predicate'; readonly body: Node})
  | (At & {readonly kind: 'conditional'; readonly test: Node; readonly yes: Node; readonly no: Node})
  | (At & {readonly kind: 'let'; readonly name: string; readonly value: Node; readonly body: Node})
  | (At & {readonly kind: 'sequence'; readonly nodes: readonly Node[]})
  | (At & {readonly kind: 'array'; readonly items: readonly Node[]})
  | (At & {readonly kind: 'map'; readonly pairs: readonly (readonly [Node, Node])[]});
