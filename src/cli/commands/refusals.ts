/** What nodes said in place of data: a denied request must not look like one that found nothing. */
import type {NodeReply} from '../../rpc/index.ts';
import {inertLine} from '../render/inert.ts';

const messagesShownMax = 5;

/** `5 of 5 nodes refused: You are not authorized to call this agent or action (5)`; undefined when some node gave data or none answered. */
export function refusalText(replies: readonly NodeReply[]): string | undefined {
  if (replies.length === 0 || replies.some(({statusCode}) => statusCode === 0)) return undefined;
  const counts = new Map<string, number>();
  for (const {statusMessage, statusCode} of replies) {
    const message = statusMessage === '' ? `status ${statusCode}` : inertLine(statusMessage);
    counts.set(message, (counts.get(message) ?? 0) + 1);
  }
  const shown = [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, messagesShownMax)
    .map(([message, count]) => `${message} (${count})`);
  return `${replies.length} of ${replies.length} nodes refused: ${shown.join('; ')}`;
}
