/** Asks every broker of the network, in the system account, and reads what they answer. */
import type {Connection} from '../../connect/index.ts';
import {inertJson} from '../render/inert.ts';
import type {CliContext} from '../types.ts';
import {goDuration} from './go-duration.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly server: Fields;
  readonly body: Fields;
  readonly roundTripMs: number;
}

/** After the first answer others have this long: they are as near as the first. */
const laterMs = 300;
const firstMs = 2000;
const answersMax = 1000;
const inboxBytes = 12;

/** Every broker answers; an error is given as the body. */
export function ask(
  context: CliContext,
  connection: Connection,
  question: {readonly subject: string; readonly body?: object; readonly expected: number | undefined},
): Promise<readonly Answer[]> {
  const {clock, random} = context.platform;
  const inbox = `_INBOX.${random.bytes(inboxBytes).toString('hex')}`;
  return new Promise((resolve) => {
    const answers: Answer[] = [];
    const sentMs = clock.monotonicMs();
    const finish = (): void => {
      timer.cancel();
      subscription.unsubscribe();
      resolve(answers);
    };
    const subscription = connection.subscribe(inbox, (message) => {
      timer.cancel();
      const answer = readAnswer(message.payload);
      if (answer !== undefined) answers.push({...answer, roundTripMs: clock.monotonicMs() - sentMs});
      // An empty message is the broker's word that nobody listens.
      const isEnough = message.payload.length === 0 || answers.length >= (question.expected ?? answersMax);
      if (isEnough) finish();
      else timer = clock.setTimer(finish, laterMs);
    });
    let timer = clock.setTimer(finish, firstMs);
    const body = question.body === undefined ? '' : JSON.stringify(question.body);
    connection.publish(question.subject, Buffer.from(body, 'utf8'), {replyTo: inbox});
  });
}

/** Undefined for what is no answer. */
function readAnswer(payload: Buffer): Omit<Answer, 'roundTripMs'> | undefined {
  let fields: Fields;
  try {
    fields = fieldsOf(JSON.parse(payload.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return {server: fieldsOf(fields['server']), body: fieldsOf(fields['data'] ?? fields['statsz'] ?? fields['error'])};
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

export function number(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === 'number' ? value : 0;
}

export function listOf(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

export function countOf(fields: Fields, name: string): number {
  return listOf(fields, name).length;
}

export function uptimeOf(context: CliContext, start: string): string {
  const startedMs = Date.parse(start);
  if (!Number.isFinite(startedMs)) return '';
  const seconds = Math.max(0, Math.floor((context.platform.clock.nowMs() - startedMs) / 1000));
  return goDuration(seconds * 1e9);
}

export function json(value: unknown): string {
  return `${inertJson(JSON.stringify(value, null, 2))}\n`;
}
