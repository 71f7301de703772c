/** Nodes that answer requests over a real connection, without being servers: enough to test the client side by itself. */
import {openConnection} from '../../src/connect/index.ts';
import type {Connection} from '../../src/connect/types.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {sleep} from '../../src/lib/platform.ts';
import {
  createReply,
  encodeReplyTransport,
  type OpenedRequest,
  openRequest,
  openTransport,
} from '../../src/protocol/index.ts';
import {testTlsMaterial} from './broker.ts';
import {testProvider} from './test-server.ts';

export interface AnsweringNodes {
  /** What was asked, in order of arrival at any node. */
  readonly requests: OpenedRequest[];
  stop(): Promise<void>;
}

export interface AnsweringNodesOptions {
  readonly url: string;
  readonly names: readonly string[];
  readonly collective?: string;
  /** Whose broadcasts they listen to. */
  readonly agents?: readonly string[];
  /** How long each waits before it answers. */
  readonly answersAfterMs?: number;
  /** Whether they answer pings of the agent `discovery`. */
  readonly answersPings?: boolean;
  /** The reply's body, or undefined for silence. */
  readonly answer?: (node: string, request: OpenedRequest) => string | undefined;
}

/** All of them share one connection that authenticates as a node. */
export async function startAnsweringNodes(options: AnsweringNodesOptions): Promise<AnsweringNodes> {
  const {collective = 'mcollective', agents = ['discovery', 'rpcutil'], answersPings = true} = options;
  const platform = createNodePlatform();
  const provider = testProvider('node1', 'node1.example.net');
  const connection = await openConnection({
    platform,
    name: 'nodes',
    servers: [options.url],
    tls: {material: testTlsMaterial('node1'), verify: true, legacyNames: false},
    inboxPrefix: `${collective}.reply`,
    attemptsMax: 1,
  });
  const requests: OpenedRequest[] = [];
  const handle = async (node: string, payload: Buffer): Promise<void> => {
    const transport = openTransport(payload);
    const opened = openRequest(transport, {provider, nowMs: platform.clock.nowMs()});
    requests.push(opened);
    const isPing = opened.request.agent === 'discovery';
    if (isPing && !answersPings) return;
    const body = isPing ? 'pong' : (options.answer ?? defaultAnswer)(node, opened);
    if (body === undefined || transport.replyTo === undefined) return;
    if (options.answersAfterMs !== undefined) await sleep(platform.clock, options.answersAfterMs);
    if (connection.state === 'closed') return;
    await reply(connection, {node, transport, opened, body});
  };
  for (const name of options.names) {
    const subjects = agents.map((agent) => `${collective}.broadcast.agent.${agent}`);
    for (const subject of [...subjects, `${collective}.node.${name}`]) {
      connection.subscribe(subject, (message) => void handle(name, Buffer.from(message.payload)));
    }
  }
  await connection.flush({timeoutMs: 5_000});
  return {requests, stop: () => connection.close()};
}

function defaultAnswer(): string {
  return JSON.stringify({statuscode: 0, statusmsg: 'OK', data: {pong: 1}});
}

async function reply(
  connection: Connection,
  answer: {
    readonly node: string;
    readonly transport: ReturnType<typeof openTransport>;
    readonly opened: OpenedRequest;
    readonly body: string;
  },
): Promise<void> {
  const {node, transport, opened, body} = answer;
  const payload = await createReply(opened.request, {
    senderId: node,
    body: Buffer.from(body),
    nowMs: opened.request.sentAtMs,
  });
  const server = connection.connectedServer ?? 'unknown';
  const message = encodeReplyTransport(transport, {payload, senderId: node, connectedServer: server});
  connection.publish(transport.replyTo ?? '', message);
}
