/** Expressions that choose the nodes of a plugin, such as `get_fact("os.name") == "Debian" && has_command("apt")`. */
import {
  compileExpression,
  evaluateExpressionAsync,
  type ExprEnvironment,
  ExprError,
  type ExprProgram,
  exprTypes,
  type ExprValue,
  gjsonGet,
  gjsonValue,
} from '../lang/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {findProgram} from '../lib/find-program.ts';
import type {FileInfo, Platform} from '../lib/platform.ts';
import {compileRegex} from '../lib/regex.ts';
import {MachineError} from './errors.ts';

const {any, bool, string} = exprTypes;
const test = {params: [string], returns: bool} as const;

const environment: ExprEnvironment = {
  functions: {
    identity: test,
    has_file: test,
    has_directory: test,
    has_command: test,
    get_fact: {params: [string], returns: any},
  },
  isClosed: true,
};

export interface MatcherNode {
  readonly identity: string;
  /** A JSON object. */
  readonly factsJson: string;
  readonly platform: Pick<Platform, 'files' | 'env'>;
  /** Told of what does not end the matching, such as a pattern that cannot be used and so matches nothing. */
  readonly onProblem: (message: string) => void;
}

/**
 * @param expression  the empty one matches every node
 * @throws {MachineError} `ERR_MACHINE_MATCHER` with the place in the expression
 * @example await matchesNode('identity("^web")', {identity: 'web1.example.net', factsJson: '{}', platform, onProblem})
 */
export async function matchesNode(expression: string, node: MatcherNode): Promise<boolean> {
  if (expression.trim() === '') return true;
  const compiled = compileMatcher(expression);
  let value: ExprValue;
  try {
    value = await evaluateExpressionAsync(compiled, {
      functions: {
        identity: (pattern) => matchesIdentity(textOf(pattern), node),
        get_fact: (path) => factAt(textOf(path), node),
      },
      asyncFunctions: {
        // Anything at the path, as the nodes of other programs see it.
        has_file: async (path) => (await kindOf(textOf(path), node)) !== undefined,
        has_directory: async (path) => (await kindOf(textOf(path), node)) === 'directory',
        has_command: async (name) => (await findProgram(textOf(name), node.platform)) !== undefined,
      },
    });
  } catch (error) {
    throw new MachineError('ERR_MACHINE_MATCHER', withPlace(expression, error), {cause: error});
  }
  // A fact that is not there matches nothing.
  if (value === null) return false;
  if (typeof value === 'boolean') return value;
  throw new MachineError(
    'ERR_MACHINE_MATCHER',
    `Cannot use the matcher ${JSON.stringify(expression)}: expected true or false`,
  );
}

/** @throws {MachineError} `ERR_MACHINE_MATCHER` for an expression that no node could use */
export function compileMatcher(expression: string): ExprProgram {
  try {
    return compileExpression(expression, environment, {result: 'boolean'});
  } catch (error) {
    throw new MachineError('ERR_MACHINE_MATCHER', withPlace(expression, error), {cause: error});
  }
}

/** The reason, with the line of the expression and a mark below the place. */
function withPlace(expression: string, error: unknown): string {
  const {line, column} = error instanceof ExprError ? (error.details as {line?: unknown; column?: unknown}) : {};
  if (typeof line !== 'number' || typeof column !== 'number') return errorMessage(error);
  const text = expression.split('\n')[line - 1] ?? '';
  return `${errorMessage(error)}\n | ${text}\n | ${'.'.repeat(column - 1)}^`;
}

/** The checker lets only text through where text is asked for, unless it could not know. */
function textOf(value: ExprValue | undefined): string {
  if (typeof value === 'string') return value;
  throw new MachineError('ERR_MACHINE_MATCHER', 'Cannot use the matcher: its functions take text');
}

function matchesIdentity(pattern: string, node: MatcherNode): boolean {
  try {
    return compileRegex(pattern).test(node.identity);
  } catch (error) {
    node.onProblem(`Could not process identity match: ${pattern}: ${errorMessage(error)}`);
    return false;
  }
}

function factAt(path: string, node: MatcherNode): ExprValue {
  const found = gjsonGet(node.factsJson, path);
  return found.exists ? gjsonValue(found) : null;
}

async function kindOf(path: string, {platform}: MatcherNode): Promise<FileInfo['kind'] | undefined> {
  try {
    return (await platform.files.stat(path)).kind;
  } catch {
    // What cannot be looked at is not there for a node.
    return undefined;
  }
}
