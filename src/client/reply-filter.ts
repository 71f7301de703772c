/**
 * Expressions that choose replies, such as `ok() && data("load") > 2`. What cannot be judged does not match, and each such reply is told
 * in the log: the request itself goes on. Rules: the client digest, section 4.6.
 */
import {
  compileExpression,
  evaluateExpression,
  type ExprEnvironment,
  type ExprProgram,
  ExprTime,
  exprTypes,
  type ExprValue,
  gjsonGet,
  gjsonValue,
} from '../lang/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {jsonMembers} from '../lib/json-text.ts';
import type {Logger} from '../lib/logger.ts';
import {comparisonFunctions, comparisonSignatures} from '../protocol/index.ts';
import {type NodeReply, RequestError} from '../rpc/index.ts';

const {any, bool, int, string, time} = exprTypes;
const statusTests: Readonly<Record<string, number>> = {
  ok: 0,
  aborted: 1,
  unknown_action: 2,
  missing_data: 3,
  invalid_data: 4,
  unknown_error: 5,
};

const environment: ExprEnvironment = {
  variables: {msg: string, code: int},
  functions: {
    ...Object.fromEntries(Object.keys(statusTests).map((name) => [name, {params: [], returns: bool}])),
    data: {params: [string], returns: any},
    ...comparisonSignatures,
    sender: {params: [], returns: string},
    time: {params: [], returns: time},
  },
};

/**
 * @param text  absent or empty: every reply passes
 * @returns a test of replies that never throws
 */
export function compileReplyFilter(
  text: string | undefined,
  options: {readonly logger: Logger},
): (reply: NodeReply) => boolean {
  if (text === undefined || text === '') return () => true;
  const logger = options.logger.child({component: 'rpc'});
  const compiled = compile(text);
  return (reply) => {
    try {
      if (compiled instanceof Error) throw compiled;
      return judge(compiled, reply);
    } catch (error) {
      logger.error(`Expr filter parsing failed in reply from ${reply.sender}: ${errorMessage(error)}`);
      return false;
    }
  };
}

function compile(text: string): ExprProgram | Error {
  try {
    return compileExpression(text, environment);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function judge(program: ExprProgram, reply: NodeReply): boolean {
  const result = evaluateExpression(program, {
    variables: {msg: reply.statusMessage, code: BigInt(reply.statusCode)},
    functions: {
      ...Object.fromEntries(
        Object.entries(statusTests).map(([name, code]) => [name, () => reply.statusCode === code] as const),
      ),
      data: (path) => dataAt(reply, path),
      ...comparisonFunctions,
      sender: () => reply.sender,
      time: () => new ExprTime(BigInt(reply.sentAtMs) * 1_000_000n, 'UTC'),
    },
  });
  if (typeof result === 'boolean') return result;
  throw new RequestError('ERR_REQUEST_REPLY_FILTER', 'the filter does not give true or false');
}

function dataAt(reply: NodeReply, path: ExprValue | undefined): ExprValue {
  const data = jsonMembers(reply.message.body.toString('utf8')).get('data') ?? '{}';
  const found = gjsonGet(data, textOf(path));
  return found.exists ? gjsonValue(found) : null;
}

/** The checker lets only text through where text is asked for, unless it could not know. */
function textOf(value: ExprValue | undefined): string {
  if (typeof value === 'string') return value;
  throw new RequestError('ERR_REQUEST_REPLY_FILTER', 'a function of the filter needs text');
}
