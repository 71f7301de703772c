/**
 * The protocol, the caller's security and one connection, joined into what the request side needs.
 */
import {queryInterest} from '../connect/index.ts';
import type {Connection} from '../connect/types.ts';
import type {SecurityProvider} from '../crypto/types.ts';
import type {Platform} from '../lib/platform.ts';
import {
  broadcastSubject,
  encodeTransport,
  federationRequestSubject,
  type InterestQuery,
  newRequestId,
  nodeSubject,
  openReply,
  openTransport,
  peekTransportSender,
  protocolVersionOf,
  replySubject,
  serviceSubject,
} from '../protocol/index.ts';
import {type Messenger, Shaken} from '../rpc/index.ts';
import {askSignerAgent, signRequest} from './signing.ts';

export interface MessengerOptions {
  readonly connection: Connection;
  readonly provider: SecurityProvider;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  /** The configured identity, sent as the sender. */
  readonly identity: string;
  readonly mainCollective: string;
  readonly federations: readonly string[];
  /** Replies of version 2 need not be signed by the server they name. */
  readonly acceptsUnsigned?: boolean;
}

export function createMessenger(options: MessengerOptions): Messenger {
  const {connection, provider, platform, identity, mainCollective, federations} = options;
  const {clock, random} = platform;
  const version = protocolVersionOf(provider);
  const {callerId} = provider;
  const isVerifying = version === 2 && options.acceptsUnsigned !== true;
  const open = (payload: Buffer): ReturnType<Messenger['openReply']> => {
    const transport = openTransport(payload);
    const reply = openReply(transport, {provider, nowMs: clock.nowMs(), requireSender: isVerifying});
    return {reply, transportSender: transport.senderId};
  };
  const shaken = new Shaken({monotonicMs: () => clock.monotonicMs(), reconnects: () => connection.stats.reconnects});
  const messenger: Messenger = {
    connection,
    clock,
    callerId,
    mainCollective,
    federations,
    newRequestId: () => newRequestId(version, {random, nowMs: clock.nowMs()}),
    replySubject: ({collective, requestId}) => replySubject({collective, callerId, requestId}),
    nodeSubject: (target) => nodeSubject(target.collective, target.identity),
    agentSubject: ({collective, agent}) => broadcastSubject(collective, agent),
    serviceSubject: ({collective, agent}) => serviceSubject(collective, agent),
    federationSubject: federationRequestSubject,
    seal: async (request) => {
      const {collective, ttlSeconds} = request;
      const payload = await signRequest(
        {...request, senderId: identity, sentAtMs: clock.nowMs()},
        {provider, askAgent: (question) => askSignerAgent(messenger, question, {collective, ttlSeconds})},
      );
      const server = connection.connectedServer ?? 'unknown';
      const trace = [[server, identity, server]];
      return {
        transport: ({replyTo, federation}) =>
          encodeTransport({
            version,
            payload,
            replyTo,
            senderId: identity,
            trace,
            ...(federation === undefined ? {} : {federation}),
          }),
      };
    },
    openReply: open,
    ...(federations.length > 0
      ? {}
      : {
          shaken,
          interest: async (query: InterestQuery, limits: {readonly timeoutMs: number}) => {
            try {
              const answer = await queryInterest(connection, query, limits);
              shaken.told(answer, query.agents?.length === 0);
              return answer;
            } catch (error) {
              shaken.told(undefined);
              throw error;
            }
          },
        }),
    // A signature tells who sent it; without one the transport's word is all there is, and a discovery of thousands stays cheap.
    peekSender: isVerifying ? (payload) => open(payload).reply.senderId : peekTransportSender,
  };
  return messenger;
}
