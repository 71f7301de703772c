/**
 * The interest service on nats-server: asks every member of the cluster for its connections and what they listen to.
 *
 * Members are those that our server has routes to; each is asked by its own name, so that it is known whether all have answered.
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

interface Look {
  readonly fleet: Promise<Fleet>;
  next: Promise<Fleet> | undefined;
}

/** One of the cluster's brokers answers each question. */
const group = 'choria_broker_interest';

export function serveInterest(options: InterestServiceOptions): void {
  const {fleet} = options.links;
  const looks = new Map<string, Look>();
  const size = new PageSize();
  let waiting = 0;
  const begin = (collective: string): Promise<Fleet> => {
    const look: Look = {fleet: readFleet(collective, {...options, size}), next: undefined};
    looks.set(collective, look);
    const ended = (): void => void looks.delete(collective);
    look.fleet.then(ended, ended);
    return look.fleet;
  };
  const look = (collective: string): Promise<Fleet> => {
    const underWay = looks.get(collective);
    if (underWay === undefined) return begin(collective);
    const again = (): Promise<Fleet> => begin(collective);
    // Whoever asks now may reach servers that came after a look under way had begun: all who ask meanwhile share the one after it.
    underWay.next ??= underWay.fleet.then(again, again);
    return underWay.next;
  };
  const answer = async (message: MiddlewareMessage): Promise<Buffer> => {
    if (waiting >= engineLimits.questionsWaitingMax) return encodeInterestFailure('too many questions are waiting');
    waiting += 1;
    try {
      const query = decodeInterestQuery(message.payload);
      return encodeInterestAnswer(answerFrom(query, await look(query.collective)), query);
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

async function readFleet(
  collective: string,
  options: InterestServiceOptions & {readonly size: PageSize},
): Promise<Fleet> {
  const {links, logger, size} = options;
  const members = await readMembers(links.system, options.serverId());
  const listeners: Listening[] = [];
  let isComplete = options.seesAll && members.length < supervisedLimits.membersMax;
  let brokers = 0;
  await Promise.all(
    members.slice(0, supervisedLimits.membersMax).map(async (id) => {
      try {
        listeners.push(...(await readMember(links.system, {id, collective, size})));
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
  const {data} = await ask(system, {id: serverId, what: 'ROUTEZ', options: {}});
  const routes = data.get('routes');
  const ids = (Array.isArray(routes) ? routes : []).map((route: unknown) => membersOf(route).get('remote_id'));
  return [
    ...new Set([serverId, ...ids.filter((id): id is string => typeof id === 'string' && /^N[A-Z2-7]{55}$/.test(id))]),
  ];
}

/**
 * All connections of one member, in the order of their numbers.
 *
 * It looks at every connection for each page that it is asked for, so pages are as large as a message may be. When connections end between two pages those behind
 * move up; so a page begins with one that was seen before, or it is asked for again from further ahead.
 */
async function readMember(
  system: Connection,
  {id, collective, size}: {readonly id: string; readonly collective: string; readonly size: PageSize},
): Promise<readonly Listening[]> {
  const found: Listening[] = [];
  let last = 0;
  let offset = 0;
  let overlap = 1;
  for (let pages = 0; pages < supervisedLimits.connectionPagesMax; pages++) {
    const {connections, total} = await readPage(system, {id, offset, limit: size.connections, size});
    const first = connections[0]?.number;
    if (offset > 0 && (first === undefined || first > last)) {
      overlap *= 4;
      offset = Math.max(0, Math.min(offset, total) - overlap);
      continue;
    }
    for (const {number, subjects} of connections) {
      const listening = number > last ? readSubjects(subjects, collective) : undefined;
      if (listening !== undefined) found.push(listening);
    }
    last = Math.max(last, connections.at(-1)?.number ?? 0);
    if (offset + connections.length >= total) return found;
    offset = Math.max(0, offset + connections.length - overlap);
  }
  throw new ConnectError(
    'ERR_REQUEST_TIMEOUT',
    `Cannot read the connections of ${id}: not all were told in ${supervisedLimits.connectionPagesMax} pages`,
    {details: {id, pages: supervisedLimits.connectionPagesMax}},
  );
}

/** How many connections fit into a page, by what those of the last page took. */
class PageSize {
  connections: number = supervisedLimits.connectionsFirstPage;

  learn(page: {readonly bytes: number; readonly connections: number}): void {
    if (page.connections === 0) return;
    const fitting = Math.floor((supervisedLimits.connectionsPageBytes * page.connections) / page.bytes);
    this.connections = Math.max(1, Math.min(fitting, supervisedLimits.connectionsPageMax));
  }
}

interface Page {
  readonly connections: readonly {readonly number: number; readonly subjects: readonly string[]}[];
  readonly total: number;
}

/** Without who they are: for that it would put together the certificates of each again. The account has been chosen already. */
async function readPage(
  system: Connection,
  {
    id,
    offset,
    limit,
    size,
  }: {readonly id: string; readonly offset: number; readonly limit: number; readonly size: PageSize},
): Promise<Page> {
  const options = {subscriptions: true, acc: fleetAccountName, offset, limit};
  const {data, bytes} = await ask(system, {id, what: 'CONNZ', options});
  const listed = data.get('connections');
  const connections = (Array.isArray(listed) ? (listed as readonly unknown[]) : []).map((connection) => {
    const members = membersOf(connection);
    const number = members.get('cid');
    const subjects = members.get('subscriptions_list');
    return {
      number: typeof number === 'number' ? number : 0,
      subjects: (Array.isArray(subjects) ? subjects : []).filter((item): item is string => typeof item === 'string'),
    };
  });
  size.learn({bytes, connections: connections.length});
  const total = data.get('total');
  return {connections, total: typeof total === 'number' ? total : 0};
}

async function ask(
  system: Connection,
  question: {readonly id: string; readonly what: string; readonly options: object},
): Promise<{readonly data: ReadonlyMap<string, unknown>; readonly bytes: number}> {
  const {payload} = await system.request(
    `$SYS.REQ.SERVER.${question.id}.${question.what}`,
    Buffer.from(JSON.stringify(question.options), 'utf8'),
    {timeoutMs: supervisedLimits.memberAnswerMs},
  );
  return {data: membersOf(jsonMembers(payload).get('data')), bytes: payload.length};
}
