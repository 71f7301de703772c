/**
 * Agents as TypeScript modules: one definition gives the types of its actions, the description that clients read, input validation
 * and the data for command line help.
 *
 * @example
 * import {ActionFailure, defineAction, defineAgent} from 'choria/agent';
 *
 * export const streams = defineAgent({
 *   name: 'prometheus_streams',
 *   description: 'Switches which instance publishes',
 *   author: 'Ops <ops@example.net>',
 *   license: 'Apache-2.0',
 *   version: '1.0.0',
 *   url: 'https://example.net',
 *   timeoutSeconds: 10,
 *   actions: {
 *     switch: defineAction({
 *       description: 'Makes one target publish',
 *       display: 'always',
 *       inputs: {target: {type: 'string', description: 'Name of the target', validation: '^[a-z]+$', maxLengthBytes: 40}},
 *       outputs: {active: {type: 'string', description: 'The target that publishes', displayAs: 'Active'}},
 *       run: async ({target}, {node}) => {
 *         if (target === 'none') throw new ActionFailure('Cannot switch to "none": expected a target that exists');
 *         node.logger.info(`Switching to ${target}`);
 *         return {active: target};
 *       },
 *     }),
 *   },
 * });
 */
import {agentDdlFromDocument} from '../ddl/index.ts';
import {checkRequestData} from '../ddl/index.ts';
import type {ActionDdl, AgentDdl, Display} from '../ddl/types.ts';
import {toAgent, type ActionContext, type RpcAction} from './dispatch.ts';
import {RpcError} from './errors.ts';
import {ActionFailure, actionFailureCodes, statusCodes} from './failure.ts';
import type {Agent, NodeContext, RpcReply, RpcRequest} from './types.ts';

export {ActionFailure, actionFailureCodes, statusCodes};
export {type NewJob, startJob} from '../executor/index.ts';
export {callAction, type CallActionOptions} from './call-action.ts';
export type {ActionContext, ActionDdl, Agent, AgentDdl, NodeContext, RpcReply, RpcRequest};

interface InputCommon {
  readonly description: string;
  /** A short question for the value; the name when left out. */
  readonly prompt?: string;
  readonly optional?: boolean;
}

/** A text. `maxLengthBytes` is required, because without it nothing of a text is checked. */
export interface TextInput extends InputCommon {
  readonly type: 'string';
  readonly maxLengthBytes: number;
  /** RE2 pattern, or `shellsafe`, `ipv4address`, `ipv6address`, `ipaddress`. */
  readonly validation?: string;
  /** Sent by clients when nothing is given; servers never add it. */
  readonly default?: string;
}

/** One of a few texts. */
export interface ListInput extends InputCommon {
  readonly type: 'list';
  readonly list: readonly string[];
  readonly default?: string;
}

export interface NumberInput extends InputCommon {
  readonly type: 'integer' | 'number' | 'float';
  readonly default?: number;
}

export interface BooleanInput extends InputCommon {
  readonly type: 'boolean';
  readonly default?: boolean;
}

export interface HashInput extends InputCommon {
  readonly type: 'hash';
  readonly default?: Readonly<Record<string, unknown>>;
}

export interface ArrayInput extends InputCommon {
  readonly type: 'array';
  readonly default?: readonly unknown[];
}

export type InputDefinition = TextInput | ListInput | NumberInput | BooleanInput | HashInput | ArrayInput;

export interface OutputDefinition {
  readonly type: 'string' | 'integer' | 'number' | 'float' | 'boolean' | 'hash' | 'array';
  readonly description: string;
  /** Title for people; the name when left out. */
  readonly displayAs?: string;
  /** Put into replies that lack the output. */
  readonly default?: unknown;
}

export type Inputs = Readonly<Record<string, InputDefinition>>;
export type Outputs = Readonly<Record<string, OutputDefinition>>;

interface Values {
  readonly string: string;
  readonly integer: number;
  readonly number: number;
  readonly float: number;
  readonly boolean: boolean;
  readonly hash: Readonly<Record<string, unknown>>;
  readonly array: readonly unknown[];
}

type InputValue<I extends InputDefinition> = I extends {readonly type: 'list'; readonly list: readonly (infer Item)[]}
  ? Item
  : I['type'] extends keyof Values
    ? Values[I['type']]
    : never;

/** What `run` is called with: required inputs are there, optional ones may be undefined. */
export type InputValues<I extends Inputs> = {
  readonly [Name in keyof I]: I[Name] extends {readonly optional: true}
    ? InputValue<I[Name]> | undefined
    : InputValue<I[Name]>;
};

/** What a caller gives: inputs that are optional or have a default may be left out. */
export type CallValues<I extends Inputs> = {
  readonly [Name in keyof I as I[Name] extends {readonly optional: true} | {readonly default: unknown}
    ? never
    : Name]: InputValue<I[Name]>;
} & {
  readonly [Name in keyof I as I[Name] extends {readonly optional: true} | {readonly default: unknown}
    ? Name
    : never]?: InputValue<I[Name]>;
};

/** What `run` gives back; outputs with a default may be left out. */
export type OutputValues<O extends Outputs> = {readonly [Name in keyof O]?: Values[O[Name]['type']] | null};

/** Everything an action knows besides its inputs. */
export interface RunContext extends ActionContext {
  readonly request: RpcRequest;
}

export interface ActionDefinition<I extends Inputs = Inputs, O extends Outputs = Outputs> {
  readonly description: string;
  readonly display?: Display;
  readonly inputs?: I;
  readonly outputs?: O;
  /** Such as `{function: 'summary', args: ['active']}`. */
  readonly aggregates?: readonly {readonly function: string; readonly args: readonly unknown[]}[];
  /** Gives the outputs; throws `ActionFailure` to answer with a failure. */
  run(input: InputValues<I>, context: RunContext): Promise<OutputValues<O> | void>;
}

/** An action whatever its types; made by `defineAction`. */
export interface AnyAction {
  readonly description: string;
  readonly display?: Display;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly aggregates: readonly {readonly function: string; readonly args: readonly unknown[]}[];
  readonly run: (data: Readonly<Record<string, unknown>>, context: RunContext) => Promise<unknown>;
}

/** An action whose callers know the types of its inputs and outputs. */
export interface TypedAction<I extends Inputs, O extends Outputs> extends AnyAction {
  readonly inputs: I;
  readonly outputs: O;
}

/** Ties the types of `run`, and of calls (`agentCalls` of `choria/client`), to the inputs and outputs beside it. */
export function defineAction<const I extends Inputs = {}, const O extends Outputs = {}>(
  definition: ActionDefinition<I, O>,
): TypedAction<I, O> {
  const {description, display, inputs, outputs, aggregates} = definition;
  return {
    description,
    ...(display === undefined ? {} : {display}),
    // Without any the types say so too: they are empty then.
    inputs: inputs ?? ({} as I),
    outputs: outputs ?? ({} as O),
    aggregates: aggregates ?? [],
    // The data was judged by the description made of the same inputs, so it has their types.
    run: (data, context) => definition.run(data as InputValues<I>, context),
  };
}

export type Actions = Readonly<Record<string, AnyAction>>;

export interface AgentDefinition<A extends Actions = Actions> {
  /** Lower case letters, digits and underscores. */
  readonly name: string;
  readonly description: string;
  readonly author: string;
  readonly license: string;
  readonly version: string;
  readonly url: string;
  /** How long one action may take; at least 2. */
  readonly timeoutSeconds: number;
  /** One instance of many answers, callers need no discovery. */
  readonly service?: boolean;
  readonly actions: A;
  /** Asked once when the agent is added; true when left out. */
  shouldActivate?(node: NodeContext): Promise<boolean>;
  stop?(): Promise<void>;
}

/** An agent that knows its own description. */
export interface DefinedAgent<A extends Actions = Actions> extends Agent {
  readonly ddl: AgentDdl;
  readonly actions: A;
}

/**
 * @throws {RpcError} `ERR_AGENT_METADATA` when the definition cannot make an agent
 */
export function defineAgent<A extends Actions>(definition: AgentDefinition<A>): DefinedAgent<A> {
  checkDefinition(definition);
  const ddl = agentDdlFromDocument(agentDocument(definition), `the definition of agent ${definition.name}`);
  const actions = new Map(
    Object.entries(definition.actions).map(([name, action]) => [name, toRpcAction(action, findAction(ddl, name))]),
  );
  const life = {
    ...(definition.shouldActivate === undefined
      ? {}
      : {shouldActivate: (node: NodeContext) => definition.shouldActivate?.(node) ?? Promise.resolve(true)}),
    ...(definition.stop === undefined ? {} : {stop: () => definition.stop?.() ?? Promise.resolve()}),
  };
  const agent = toAgent({metadata: ddl.metadata, ddl, action: (name) => actions.get(name)}, life);
  return {...agent, ddl, actions: definition.actions};
}

/** The description of an agent made by `defineAgent`, as clients and `plugin doc` use it. */
export function agentDdl(agent: DefinedAgent): AgentDdl {
  return agent.ddl;
}

/** The JSON document to put beside other descriptions, for instance in `DIR/mcollective/agent/NAME.json`. */
export function agentDdlJson(agent: DefinedAgent): string {
  return `${JSON.stringify(agent.ddl.document, null, 2)}\n`;
}

function checkDefinition(definition: AgentDefinition): void {
  const refuse = (problem: string): RpcError =>
    new RpcError('ERR_AGENT_METADATA', `Cannot define agent ${JSON.stringify(definition.name)}: ${problem}`);
  if (!/^[a-z0-9_]{1,128}$/.test(definition.name))
    throw refuse('expected a name of lower case letters, digits and "_"');
  if (!Number.isInteger(definition.timeoutSeconds) || definition.timeoutSeconds < 2) {
    throw refuse(`timeoutSeconds is ${definition.timeoutSeconds}, expected a whole number of at least 2`);
  }
  for (const [name, action] of Object.entries(definition.actions)) {
    if (!/^[a-z0-9_]+$/.test(name)) throw refuse(`action ${JSON.stringify(name)} has a name that is not lower case`);
    for (const input of Object.keys(action.inputs)) {
      if (!/^[a-z0-9_]+$/.test(input)) {
        throw refuse(`input ${JSON.stringify(input)} of action ${name} has a name that is not lower case`);
      }
    }
  }
}

function findAction(ddl: AgentDdl, name: string): ActionDdl {
  const found = ddl.actions.find((action) => action.name === name);
  if (found) return found;
  throw new RpcError('ERR_AGENT_METADATA', `Cannot define agent "${ddl.metadata.name}": action "${name}" was lost`);
}

function toRpcAction(action: AnyAction, ddl: ActionDdl): RpcAction {
  return async (request, context) => {
    const verdict = checkRequestData(ddl, request.rawData ?? request.data);
    if (verdict.error !== undefined) {
      throw new ActionFailure(`Validation failed: ${verdict.error}`, {statusCode: statusCodes.invalidData});
    }
    const data = await action.run(request.data, {...context, request});
    return {statusCode: statusCodes.ok, statusMessage: 'OK', data: withDefaults(data ?? {}, ddl)};
  };
}

function withDefaults(data: unknown, ddl: ActionDdl): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data;
  const missing = [...ddl.outputs].filter(([name, item]) => item.default !== undefined && !Object.hasOwn(data, name));
  return {...data, ...Object.fromEntries(missing.map(([name, item]) => [name, item.default]))};
}

function agentDocument(definition: AgentDefinition): Readonly<Record<string, unknown>> {
  const {name, description, author, license, version, url, timeoutSeconds, service} = definition;
  return {
    $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
    metadata: {
      name,
      description,
      author,
      license,
      version,
      url,
      timeout: timeoutSeconds,
      provider: 'golang',
      ...(service === undefined ? {} : {service}),
    },
    actions: Object.entries(definition.actions).map(([actionName, action]) => ({
      action: actionName,
      description: action.description,
      display: action.display ?? 'failed',
      input: mapValues(action.inputs, inputDocument),
      output: mapValues(action.outputs, outputDocument),
      ...(action.aggregates.length === 0 ? {} : {aggregate: action.aggregates}),
    })),
  };
}

function mapValues<T>(items: Readonly<Record<string, T>>, convert: (name: string, item: T) => unknown): unknown {
  return Object.fromEntries(Object.entries(items).map(([name, item]) => [name, convert(name, item)]));
}

function inputDocument(name: string, input: InputDefinition): unknown {
  const {type, description} = input;
  return {
    prompt: input.prompt ?? name,
    description,
    type,
    optional: input.optional ?? false,
    ...(input.type === 'string' ? {validation: input.validation ?? '', maxlength: input.maxLengthBytes} : {}),
    ...(input.type === 'list' ? {list: input.list} : {}),
    ...(input.default === undefined ? {} : {default: input.default}),
  };
}

function outputDocument(name: string, output: OutputDefinition): unknown {
  const {type, description} = output;
  return {
    description,
    display_as: output.displayAs ?? name,
    type,
    ...(output.default === undefined ? {} : {default: output.default}),
  };
}
