/**
 * Calls of agents that are written in TypeScript: the types of the agent are those of its callers, and nothing is generated.
 */
import type {
  Actions,
  AnyAction,
  CallValues,
  DefinedAgent,
  Inputs,
  NodeReply,
  Outputs,
  OutputValues,
  ReplyStream,
  RequestStatistics,
  TypedAction,
} from '../rpc/index.ts';
import type {Client, RequestOptions} from './types.ts';

type InputsOf<A extends AnyAction> = A extends TypedAction<infer I, Outputs> ? I : Inputs;
type OutputsOf<A extends AnyAction> = A extends TypedAction<Inputs, infer O> ? O : Outputs;

/** One node's answer. */
export interface TypedReply<O extends Outputs> {
  readonly sender: string;
  readonly ok: boolean;
  /** 0 OK, 1 aborted, 2 unknown action, 3 missing data, 4 invalid data, 5 unknown error; 6-255 belong to agents. */
  readonly statusCode: number;
  readonly statusMessage: string;
  /** As the node sent it: a node with another version of the agent may send something else than the types say. */
  readonly data: Partial<OutputValues<O>>;
  readonly reply: NodeReply;
}

/** Answers as they come; leaving the loop ends the request. */
export interface TypedReplies<O extends Outputs> extends AsyncIterable<TypedReply<O>> {
  readonly finished: Promise<RequestStatistics>;
}

export type AgentCalls<A extends Actions> = {
  readonly [Name in keyof A]: (
    inputs: CallValues<InputsOf<A[Name]>>,
    options?: Omit<RequestOptions, 'ddl'>,
  ) => TypedReplies<OutputsOf<A[Name]>>;
};

/**
 * A function for each action of an agent that was made by `defineAgent`.
 *
 * @example
 * const streams = agentCalls(client, streamsAgent);
 * for await (const {sender, ok, data} of streams.switch({target: 'blue'}, {filter: {classes: ['prometheus']}})) {
 *   console.log(sender, ok ? data.active : 'failed');
 * }
 */
export function agentCalls<A extends Actions>(client: Client, agent: DefinedAgent<A>): AgentCalls<A> {
  const {ddl} = agent;
  const call =
    (action: string) =>
    (inputs: Readonly<Record<string, unknown>>, options: RequestOptions = {}) =>
      typedReplies(client.request(ddl.metadata.name, action, inputs, {...options, ddl}));
  const entries = ddl.actions.map(({name}) => [name, call(name)] as const);
  return Object.fromEntries(entries) as unknown as AgentCalls<A>;
}

function typedReplies<O extends Outputs>(replies: ReplyStream): TypedReplies<O> {
  return {
    finished: replies.finished,
    async *[Symbol.asyncIterator]() {
      for await (const reply of replies) {
        const {sender, statusCode, statusMessage, data} = reply;
        const isRecord = typeof data === 'object' && data !== null && !Array.isArray(data);
        const outputs = (isRecord ? data : {}) as Partial<OutputValues<O>>;
        yield {sender, ok: statusCode === 0, statusCode, statusMessage, data: outputs, reply};
      }
    },
  };
}
