/**
 * Reads the inputs of built-in actions as the compiled agents of other servers do: by type only, missing ones empty, unknown ones
 * ignored, names without regard to case. Descriptions are not consulted there, so old clients that send less keep working.
 *
 * The failure texts name Go types, because they are part of what callers see on the wire (vectors `agents/rpc.json`).
 */
import {ActionFailure, statusCodes} from './failure.ts';
import {fieldMisfit, jsonKind} from '../lib/go-fields.ts';
import type {RpcRequest} from './types.ts';

export type FieldType = 'string' | 'bool' | 'int' | 'int64' | '[]string';

interface FieldValues {
  readonly string: string;
  readonly bool: boolean;
  readonly int: number;
  readonly int64: number;
  readonly '[]string': readonly string[];
}

export type Decoded<Shape extends Readonly<Record<string, FieldType>>> = {
  readonly [Name in keyof Shape]: FieldValues[Shape[Name]];
};

/**
 * @param shape.type the name the reference gives the inputs, with its package: `rpcutil.input`
 * @throws {ActionFailure} status 4
 * @example
 * const {fact} = decodeInputs(request, {type: 'rpcutil.input', fields: {fact: 'string'}});
 */
export function decodeInputs<const Fields extends Readonly<Record<string, FieldType>>>(
  request: RpcRequest,
  shape: {readonly type: string; readonly fields: Fields},
): Decoded<Fields> {
  const raw = request.rawData ?? request.data;
  const fail = (reason: string): ActionFailure =>
    new ActionFailure(`Could not parse request data for ${request.agent}#${request.action}: ${reason}`, {
      statusCode: statusCodes.invalidData,
    });
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw fail(`json: cannot unmarshal ${jsonKind(raw)} into Go value of type ${shape.type}`);
  }
  const given = new Map(Object.entries(raw).map(([key, value]) => [key.toLowerCase(), value as unknown]));
  const shortType = shape.type.slice(shape.type.indexOf('.') + 1);
  const values = Object.entries(shape.fields).map(([name, type]) => {
    const value = given.get(name);
    if (value === undefined || value === null) return [name, emptyValue(type)] as const;
    const problem = fieldMisfit(type, value);
    if (problem === undefined) return [name, typeof value === 'bigint' ? Number(value) : value] as const;
    throw fail(
      `json: cannot unmarshal ${problem.found} into Go struct field ${shortType}.${name} of type ${problem.wanted}`,
    );
  });
  return Object.fromEntries(values) as Decoded<Fields>;
}

function emptyValue(type: FieldType): unknown {
  switch (type) {
    case 'string':
      return '';
    case 'bool':
      return false;
    case '[]string':
      return [];
    default:
      return 0;
  }
}

/** The struct rule `enum` of compiled agents. @throws {ActionFailure} status 4 */
export function requireOneOf(field: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw new ActionFailure(
    `Validation failed: ${field} enum validation failed: '${value}' is not in the allowed list: ${allowed.join(', ')}`,
    {statusCode: statusCodes.invalidData},
  );
}
