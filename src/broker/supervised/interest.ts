/**
 * The interest service on nats-server: asks every member of the cluster for its connections and what they listen to.
 *
 * Members are those that our server has routes to; each is asked by its own name, page by page, so that it is known whether all have answered.
 */
import type {Connection, MiddlewareMessage} from '../../connect/index.ts';
import {ConnectError} from '../../connect/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import {
  decodeInterestQuery,
  encodeInterestAnswer,
  encodeInterestFailure,
  interestSubject,
  isReplySubject,
  ProtocolError,
} from '../../protocol/index.ts';
import {fleetAccountName} from '../authentication/accounts.ts';
import {answerFrom, type Listening, readSubjects} from '../interest/answer.ts';
import {engineLimits} from '../limits.ts';
import {supervisedLimits} from './limits.ts';
import type {Links} from './links.ts';
import {jsonMembers, membersOf} from './server-messages.ts';

export interface InterestServiceOptions {
  readonly links: Links;
  readonly serverId: () => string;
  /** False where connections exist that no member of the cluster knows: behind gateways and leaf nodes. */
  readonly seesAll: boolean;
  readonly logger: Logger;
}

interface Fleet {
  readonly listeners: readonly Listening[];
  readonly complete: boolean;
  readonly brokers: number;
}

/** One of the cluster's brokers answers each question. */
const group = 'choria_broker_interest';

export function serveInterest(options: InterestServiceOptions): void {
  const {fleet} = options.links;
  const underWay = new Map<string, Promise<Fleet>>();
  let waiting = 0;
  const look = (collective: string): Promise<Fleet> => {
    const known = underWay.get(collective);
    if (known !== undefined) return known;
    const looking = readFleet(collective, options).finally(() => underWay.delete(collective));
    underWay.set(collective, looking);
    return looking;
  };
  const answer = async (message: MiddlewareMessage): Promise<Buffer> => {
    if (waiting >= engineLimits.questionsWaitingMax) return encodeInterestFailure('too many questions are waiting');
    waiting += 1;
    try {
      const query = decodeInterestQuery(message.payload);
      return encodeInterestAnswer(answerFrom(query, await look(query.collective)));
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof ConnectError) {
        return encodeInterestFailure(errorMessage(error));
      }
      throw error;
    } finally {
      waiting -= 1;
    }
  };
  fleet.subscribe(
    interestSubject,
    (message) => {
      const {replyTo} = message;
      // Elsewhere our word would count for more than the asker's.
      if (replyTo === undefined || !isReplySubject(replyTo)) return;
      void answer(message).then((payload) => {
        if (fleet.state === 'connected') fleet.publish(replyTo, payload);
      });
    },
    {queue: group},
  );
}

async function readFleet(collective: string, options: InterestServiceOptions): Promise<Fleet> {
  const {links, logger} = options;
  const members = await readMembers(links.system, options.serverId());
  const listeners: Listening[] = [];
  let isComplete = options.seesAll && members.length < supervisedLimits.membersMax;
  let brokers = 0;
  await Promise.all(
    members.slice(0, supervisedLimits.membersMax).map(async (id) => {
      try {
        listeners.push(...(await readMember(links.system, {id, collective})));
        brokers += 1;
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        isComplete = false;
        logger.warn(`A member of the cluster did not say who is connected: ${error.message}`);
      }
    }),
  );
  return {listeners, complete: isComplete, brokers};
}

/** Ourselves and everybody that we have a route to. */
async function readMembers(system: Connection, serverId: string): Promise<readonly string[]> {
  const data = await ask(system, {id: serverId, what: 'ROUTEZ', options: {}});
  const routes = data.get('routes');
  const ids = (Array.isArray(routes) ? routes : []).map((route: unknown) => membersOf(route).get('remote_id'));
  return [
    ...new Set([serverId, ...ids.filter((id): id is string => typeof id === 'string' && /^N[A-Z2-7]{55}$/.test(id))]),
  ];
}

async function readMember(
  system: Connection,
  {id, collective}: {readonly id: string; readonly collective: string},
): Promise<readonly Listening[]> {
  const found: Listening[] = [];
  for (let offset = 0; offset < supervisedLimits.connectionsMax; offset += supervisedLimits.connectionsPage) {
    const data = await ask(system, {
      id,
      what: 'CONNZ',
      options: {
        subscriptions: true,
        acc: fleetAccountName,
        auth: true,
        offset,
        limit: supervisedLimits.connectionsPage,
      },
    });
    const connections = data.get('connections');
    if (!Array.isArray(connections) || connections.length === 0) break;
    for (const connection of connections as readonly unknown[]) {
      const subjects = membersOf(connection).get('subscriptions_list');
      if (!Array.isArray(subjects)) continue;
      const texts = subjects.filter((subject): subject is string => typeof subject === 'string');
      const listening = readSubjects(texts, collective);
      if (listening !== undefined) found.push(listening);
    }
    if (connections.length < supervisedLimits.connectionsPage) break;
  }
  return found;
}

async function ask(
  system: Connection,
  question: {readonly id: string; readonly what: string; readonly options: object},
): Promise<ReadonlyMap<string, unknown>> {
  const {payload} = await system.request(
    `$SYS.REQ.SERVER.${question.id}.${question.what}`,
    Buffer.from(JSON.stringify(question.options), 'utf8'),
    {timeoutMs: supervisedLimits.memberAnswerMs},
  );
  return membersOf(jsonMembers(payload).get('data'));
}
