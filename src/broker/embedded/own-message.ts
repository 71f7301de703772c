/** What the server itself publishes: as if it had been read from a socket, by nobody who could be asked or answered. */
import type {PublishFrame} from '../../natswire/index.ts';
import {type Account, SubjectEntry} from './account.ts';
import type {EngineCore} from './core.ts';
import type {Receiver} from './parts.ts';

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
  const rest = {hash: 0, match, generation: 0, next: undefined, mappedTo: undefined};
  core.route(speaker, match, new SubjectEntry(subject, rest), frameOf(encodeDocument(document())));
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
