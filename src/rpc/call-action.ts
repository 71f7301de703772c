/** Calls an agent as a server does, without a server: for the tests of agents. */
import {silentLogger} from '../lib/logger.ts';
import {emptyFilter} from '../protocol/index.ts';
import {RpcError} from './errors.ts';
import type {Agent, NodeContext, RpcReply} from './types.ts';

export interface CallActionOptions {
  /** What the action sees of its node, in place of a node that knows little: identity `test.example.net`, no facts. */
  readonly node?: Partial<NodeContext>;
  /** Who calls; `choria=test.mcollective` when left out. */
  readonly callerId?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs one action with everything around it: checks of inputs, defaults of outputs, failures as status codes. Rights are not asked.
 *
 * @returns the reply, or undefined when the agent stays silent
 * @throws {RpcError} `ERR_RPC_BODY` when the agent answers something that is no reply
 * @example
 * const reply = await callAction(web, {action: 'resize', data: {count: 3}});
 * assert.deepEqual(reply, {statusCode: 0, statusMessage: 'OK', data: {count: 3}});
 */
export async function callAction(
  agent: Agent,
  call: {readonly action: string; readonly data?: Readonly<Record<string, unknown>>} & CallActionOptions,
): Promise<RpcReply | undefined> {
  const {action, data = {}, callerId = 'choria=test.mcollective', signal} = call;
  const node = testNode(call.node ?? {});
  const {name} = agent.metadata;
  const body = await agent.handle({
    request: {
      version: 1,
      id: '00000000000000000000000000000001',
      senderId: 'test.example.net',
      callerId,
      collective: node.mainCollective,
      agent: name,
      ttlSeconds: 60,
      sentAtMs: node.platform.clock.nowMs(),
      filter: emptyFilter,
      body: Buffer.from(JSON.stringify({agent: name, action, data})),
    },
    node,
    signal: signal ?? new AbortController().signal,
  });
  if (body === undefined) return undefined;
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (typeof value === 'object' && value !== null && 'statuscode' in value && 'statusmsg' in value && 'data' in value) {
    return {statusCode: Number(value.statuscode), statusMessage: String(value.statusmsg), data: value.data};
  }
  throw new RpcError('ERR_RPC_BODY', `Cannot read the answer of agent "${name}": it is no reply of an action`);
}

function testNode(given: Partial<NodeContext>): NodeContext {
  const known: Partial<NodeContext> = {
    identity: 'test.example.net',
    collectives: ['mcollective'],
    mainCollective: 'mcollective',
    logger: silentLogger,
    startedAtMs: 0,
    provisioning: false,
    factsJson: async () => Buffer.from('{}'),
    classes: async () => [],
    agents: () => [],
    dataPlugins: () => [],
    connectedServer: () => undefined,
    machines: () => [],
    // Rights and audit belong to the server; everything else is left out unless the test gives a configuration.
    config: {get: () => false, raw: () => undefined, path: undefined} as unknown as NodeContext['config'],
    platform: {clock: {nowMs: () => 0, monotonicMs: () => 0}} as unknown as NodeContext['platform'],
  };
  return {...known, ...given} as NodeContext;
}
