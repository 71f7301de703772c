/** What a connection is told that did what it may not. Names are quoted as Go does it, because clients look for them. Texts are latin1. */
import {escapeUnprintable, goQuote} from '../../lib/go-text.ts';
import {toBytesText} from '../../natswire/index.ts';

interface Subscribing {
  readonly subject: string;
  readonly queue: string | undefined;
}

/** ASCII, one character in UTF-8, or a byte that belongs to none. */
const pieces =
  /[\0-\x7f]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

function quoted(text: string): string {
  const parts = (text.match(pieces) ?? []).map((piece) => {
    const first = piece.charCodeAt(0);
    if (first < 0x80) return goQuote(piece).slice(1, -1);
    if (piece.length === 1) return `\\x${first.toString(16)}`;
    return toBytesText(escapeUnprintable(Buffer.from(piece, 'latin1').toString('utf8')));
  });
  return `"${parts.join('')}"`;
}

export function publishViolation(subject: string): string {
  return `Permissions Violation for Publish to ${quoted(subject)}`;
}

export function replyViolation(reply: string): string {
  return `Permissions Violation for Publish with Reply of ${quoted(reply)}`;
}

export function subscribeViolation({subject, queue}: Subscribing): string {
  const group = queue === undefined ? '' : ` using queue ${quoted(queue)}`;
  return `Permissions Violation for Subscription to ${quoted(subject)}${group}`;
}

/** Of a subscription that was allowed before. */
export function withdrawalText(subscription: Subscribing & {readonly sid: string}): string {
  return `${subscribeViolation(subscription)} (sid ${quoted(subscription.sid)})`;
}
