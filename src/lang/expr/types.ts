/** Types as the checker knows them before anything runs; `any` is decided while running. */

export type ScalarKind =
  | 'any'
  | 'nil'
  | 'bool'
  | 'int'
  | 'float'
  | 'string'
  | 'map'
  | 'bytes'
  | 'duration'
  | 'time'
  | 'zone';

export type ExprType =
  | {readonly kind: ScalarKind}
  | {
      readonly kind: 'list';
      readonly of: ExprType /** Go would hold it as a list of one type. */;
      readonly typed?: boolean;
    }
  | {readonly kind: 'function'; readonly signature: ExprSignature};

/** What a function of the environment takes and gives. `list` is a list of anything. */
export interface ExprSignature {
  readonly params: readonly ExprType[];
  readonly returns: ExprType;
}

export const exprTypes = {
  any: {kind: 'any'},
  nil: {kind: 'nil'},
  bool: {kind: 'bool'},
  int: {kind: 'int'},
  float: {kind: 'float'},
  string: {kind: 'string'},
  map: {kind: 'map'},
  bytes: {kind: 'bytes'},
  duration: {kind: 'duration'},
  time: {kind: 'time'},
  zone: {kind: 'zone'},
  list: {kind: 'list', of: {kind: 'any'}},
  stringList: {kind: 'list', of: {kind: 'string'}, typed: true},
  intList: {kind: 'list', of: {kind: 'int'}, typed: true},
} as const satisfies Readonly<Record<string, ExprType>>;

/** The names an expression may use. Other names are nil, and calling one fails while running, unless `isClosed`. */
export interface ExprEnvironment {
  readonly variables?: Readonly<Record<string, ExprType>>;
  readonly functions?: Readonly<Record<string, ExprSignature>>;
  /** An expression with another name does not compile. */
  readonly isClosed?: boolean;
}

export function typeText(type: ExprType): string {
  return type.kind === 'list' ? `list of ${typeText(type.of)}` : type.kind;
}

export function isNumber(type: ExprType): boolean {
  return type.kind === 'int' || type.kind === 'float';
}

/** Whether `==` may compare the two at all. */
export function isComparable(left: ExprType, right: ExprType): boolean {
  if (left.kind === 'any' || right.kind === 'any' || left.kind === 'nil' || right.kind === 'nil') return true;
  if (isNumber(left) && isNumber(right)) return true;
  if (left.kind === 'function' || right.kind === 'function') return true;
  if (left.kind === 'bytes' || right.kind === 'bytes')
    return left.kind === right.kind || left.kind === 'list' || right.kind === 'list';
  return left.kind === right.kind;
}

export function sameType(left: ExprType, right: ExprType): boolean {
  if (left.kind === 'list' && right.kind === 'list') {
    return sameType(left.of, right.of) && (left.typed ?? false) === (right.typed ?? false);
  }
  return left.kind === right.kind;
}

export function commonType(left: ExprType, right: ExprType): ExprType {
  return sameType(left, right) ? left : exprTypes.any;
}
