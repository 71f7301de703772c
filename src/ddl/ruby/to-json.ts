/**
 * Ruby DDL text as a JSON description, as the Ruby packager makes it. Vectors: `agents/ruby-ddl-to-json.json`.
 *
 * Checks and their texts are those of the packager, because authors know them.
 */
import {compareUtf8} from '../go-json.ts';
import {DdlError} from '../errors.ts';
import {ddlBytesMax, rubyStatementsMax} from '../limits.ts';
import {parseRuby, type Call, type Expression, type RubySymbol, type Statement} from './parser.ts';

type Value = string | number | boolean | null | RubySymbol | readonly Value[] | ReadonlyMap<string, Value>;
type Scope = ReadonlyMap<string, Value>;

interface Action {
  readonly description: unknown;
  readonly inputs: Map<string, unknown>;
  readonly outputs: Map<string, unknown>;
  readonly aggregates: unknown[];
  display: string;
}

interface State {
  metadata: Readonly<Record<string, unknown>>;
  readonly actions: Map<string, Action>;
  current: Action | undefined;
  statements: number;
}

/**
 * @param source Ruby DDL of an agent, at most `ddlBytesMax` bytes
 * @throws {DdlError} `ERR_DDL_RUBY`; `details.reason` is the packager's own text where it has one
 * @example
 * rubyDdlToJson('metadata :name => "x", ...');
 */
export function rubyDdlToJson(source: string): Readonly<Record<string, unknown>> {
  if (Buffer.byteLength(source, 'utf8') > ddlBytesMax) {
    throw new DdlError('ERR_DDL_TOO_LARGE', `Cannot read Ruby DDL: it has more than ${ddlBytesMax} bytes`);
  }
  const state: State = {metadata: {}, actions: new Map(), current: undefined, statements: 0};
  runAll(parseRuby(source), state, new Map());
  return {
    $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
    metadata: state.metadata,
    actions: [...state.actions]
      .sort(([a], [b]) => compareUtf8(a, b))
      .map(([name, action]) => ({
        action: name,
        input: Object.fromEntries(action.inputs),
        output: Object.fromEntries(action.outputs),
        display: action.display,
        description: action.description,
        ...(action.aggregates.length === 0 ? {} : {aggregate: action.aggregates}),
      })),
  };
}

function fail(reason: string): DdlError {
  return new DdlError('ERR_DDL_RUBY', `Cannot use Ruby DDL: ${reason}`, {details: {reason}});
}

function runAll(statements: readonly Statement[], state: State, scope: Scope): void {
  for (const statement of statements) {
    if (++state.statements > rubyStatementsMax) throw fail(`more than ${rubyStatementsMax} statements would run`);
    if (statement.kind === 'call') runCall(statement.call, state, scope);
    else {
      const items = evaluate(statement.list, scope);
      if (!Array.isArray(items)) throw fail('only a list has "each"');
      const [parameter] = statement.block.parameters;
      for (const item of items as readonly Value[]) {
        runAll(statement.block.body, state, parameter === undefined ? scope : new Map([...scope, [parameter, item]]));
      }
    }
  }
}

function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'value':
      return expression.value;
    case 'text':
      return expression.parts
        .map((part) => ('literal' in part ? part.literal : plainText(lookUp(part.variable, scope))))
        .join('');
    case 'variable':
      return lookUp(expression.name, scope);
    case 'list':
      return expression.items.map((item) => evaluate(item, scope));
    case 'map':
      return new Map(
        expression.entries.map(([key, value]) => [plainText(evaluate(key, scope)), evaluate(value, scope)]),
      );
    case 'call':
      throw fail(`"${expression.call.name}(...)" cannot be used as a value`);
  }
}

function lookUp(name: string, scope: Scope): Value {
  const value = scope.get(name);
  if (value === undefined) throw fail(`undefined local variable or method '${name}'`);
  return value;
}

function plainText(value: Value): string {
  if (value === null) return '';
  if (typeof value !== 'object') return String(value);
  if ('symbol' in value) return value.symbol;
  throw fail('a list or hash cannot be a name');
}

/** Symbols become texts, maps objects. */
function toJson(value: Value): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly Value[]).map(toJson);
  if (value instanceof Map) {
    return Object.fromEntries([...(value as ReadonlyMap<string, Value>)].map(([key, item]) => [key, toJson(item)]));
  }
  return (value as RubySymbol).symbol;
}

function optionsOf(call: Call, scope: Scope): ReadonlyMap<string, Value> {
  return new Map(call.options.map(([key, value]) => [plainText(evaluate(key, scope)), evaluate(value, scope)]));
}

function runCall(call: Call, state: State, scope: Scope): void {
  switch (call.name) {
    case 'metadata':
      return setMetadata(call, state, scope);
    case 'requires':
      return checkRequirements(call, scope);
    case 'action':
      return addAction(call, state, scope);
    case 'display':
      return setDisplay(call, state, scope);
    case 'input':
      return addInput(call, state, scope);
    case 'output':
      return addOutput(call, state, scope);
    case 'summarize':
      return runAll(call.block?.body ?? [], state, scope);
    case 'aggregate':
      return addAggregate(call, state, scope);
    default:
      throw fail(`undefined method '${call.name}'`);
  }
}

const metadataKeys = ['name', 'description', 'author', 'license', 'version', 'url', 'timeout'];

function setMetadata(call: Call, state: State, scope: Scope): void {
  const options = optionsOf(call, scope);
  const missing = metadataKeys.find((key) => !options.has(key));
  if (missing !== undefined) throw fail(`Metadata needs a :${missing} property`);
  state.metadata = Object.fromEntries([...options].map(([key, value]) => [key, toJson(value)]));
}

function checkRequirements(call: Call, scope: Scope): void {
  for (const name of optionsOf(call, scope).keys()) {
    if (name !== 'mcollective')
      throw fail(`Requirement ${name} is not a valid requirement, only mcollective is supported`);
  }
}

function addAction(call: Call, state: State, scope: Scope): void {
  const options = optionsOf(call, scope);
  if (!options.has('description')) throw fail('Action needs a :description property');
  const name = firstName(call, scope);
  const action: Action = {
    description: toJson(options.get('description') ?? null),
    inputs: new Map(),
    outputs: new Map(),
    aggregates: [],
    display: 'failed',
  };
  state.actions.set(name, action);
  state.current = action;
  if (call.block) runAll(call.block.body, state, scope);
  state.current = undefined;
}

function firstName(call: Call, scope: Scope): string {
  const [first] = call.args;
  if (!first) throw fail(`"${call.name}" needs a name`);
  return plainText(evaluate(first, scope));
}

function currentAction(call: Call, state: State): Action {
  if (state.current) return state.current;
  throw fail(`"${call.name}" must stand in an action`);
}

function setDisplay(call: Call, state: State, scope: Scope): void {
  const mode = firstName(call, scope);
  if (!['ok', 'failed', 'flatten', 'always'].includes(mode)) {
    throw fail(`Display preference ${mode} is not valid, should be :ok, :failed, :flatten or :always`);
  }
  currentAction(call, state).display = mode;
}

function addInput(call: Call, state: State, scope: Scope): void {
  const action = currentAction(call, state);
  const options = optionsOf(call, scope);
  const missing = ['prompt', 'description', 'type', 'optional'].find((key) => !options.has(key));
  if (missing !== undefined) throw fail(`Input needs a :${missing} property`);
  const given = (key: string): unknown => toJson(options.get(key) ?? null);
  const type = plainText(options.get('type') ?? null);
  const needs: Readonly<Record<string, readonly string[]>> = {string: ['validation', 'maxlength'], list: ['list']};
  const extra = needs[type] ?? [];
  const absent = extra.find((key) => !options.has(key));
  if (absent !== undefined) throw fail(`Input type :${type} needs a :${absent} argument`);
  action.inputs.set(firstName(call, scope), {
    prompt: given('prompt'),
    description: given('description'),
    type,
    default: given('default'),
    optional: given('optional'),
    ...Object.fromEntries(extra.map((key) => [key, given(key)])),
  });
}

function addOutput(call: Call, state: State, scope: Scope): void {
  const action = currentAction(call, state);
  const options = optionsOf(call, scope);
  const name = firstName(call, scope);
  if (!options.has('description')) throw fail(`Output ${name} needs a description argument`);
  if (!options.has('display_as')) throw fail(`Output ${name} needs a display_as argument`);
  action.outputs.set(name, {
    description: toJson(options.get('description') ?? null),
    display_as: toJson(options.get('display_as') ?? null),
    default: toJson(options.get('default') ?? null),
    ...(options.has('type') ? {type: toJson(options.get('type') ?? null)} : {}),
  });
}

/** `aggregate f(:output, :key => "value"), :format => "..."`. */
function addAggregate(call: Call, state: State, scope: Scope): void {
  const action = currentAction(call, state);
  const [target] = call.args;
  if (target?.kind !== 'call') throw fail('"aggregate" needs a function such as summary(:output)');
  const inner = target.call;
  const args: unknown[] = inner.args.map((item) => toJson(evaluate(item, scope)));
  const options = optionsOf(inner, scope);
  if (options.size > 0) args.push(toJson(options));
  const format = optionsOf(call, scope).get('format');
  action.aggregates.push({function: inner.name, args, ...(format === undefined ? {} : {format: toJson(format)})});
}
