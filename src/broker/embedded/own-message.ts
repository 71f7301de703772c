/** What the server itself publishes: as if it had been read from a socket, by nobody who could be asked or answered. */
import type {Match, PublishFrame} from '../../natswire/index.ts';
import {type Account, SubjectEntry} from './account.ts';
import type {EngineCore} from './core.ts';
import type {Receiver} from './parts.ts';
import type {Subscription} from './subscription.ts';

export interface OwnMessage {
  readonly account: Account;
  /** Latin1, one literal subject. */
  readonly subject: string;
  readonly document: () => object;
}

/** Publishes, if anybody would get it: the document is not made for nobody. */
export function publishOwn(core: EngineCore, {account, subject, document}: OwnMessage): void {
  const match = account.subscriptions.match(subject);
  if (match.plain.length === 0 && match.queues.length === 0) return;
  core.route(speaker, match, entryOf(subject, match), frameOf(encodeDocument(document())));
}

/** Gives an answer of the server itself to one connection, where it listens, and to nobody else. */
export function answerOnly(
  core: EngineCore,
  {
    client,
    account,
    subject,
    payload,
  }: {readonly client: Receiver; readonly account: Account; readonly subject: string; readonly payload: Buffer},
): void {
  const {plain, queues} = account.subscriptions.matchOnce(subject);
  const isOwn = (subscription: Subscription): boolean => subscription.client === client;
  const match = {
    plain: plain.filter(isOwn),
    queues: queues
      .map((queue) => ({...queue, members: queue.members.filter(isOwn)}))
      .filter(({members}) => members.length > 0),
  };
  core.route(speaker, match, entryOf(subject, match), frameOf(payload));
}

function entryOf(subject: string, match: Match<Subscription>): SubjectEntry {
  return new SubjectEntry(subject, {hash: 0, match, generation: 0, next: undefined, mappedTo: undefined});
}

export function encodeDocument(value: object): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

const speaker = {
  mustRest: false,
  answerNoResponders: () => {},
} as unknown as Receiver;

function frameOf(payload: Buffer): PublishFrame {
  const line = ` ${payload.length}\r\n`;
  const buffer = Buffer.concat([Buffer.from(line, 'latin1'), payload, Buffer.from('\r\n', 'latin1')]);
  return {
    buffer,
    subjectStart: 0,
    subjectEnd: 0,
    subjectHash: 0,
    replyStart: -1,
    replyEnd: -1,
    headerBytes: -1,
    payloadStart: line.length,
    payloadEnd: line.length + payload.length,
    sizeStart: 1,
    sizeEnd: line.length - 2,
    isTailCanonical: true,
  };
}
