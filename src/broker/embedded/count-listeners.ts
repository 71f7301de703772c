/** How many listen to a subject, as `$SYS.DEBUG.SUBSCRIBERS` is answered. */
import {hasWildcard, isWithin} from '../../natswire/index.ts';
import type {Account} from './account.ts';
import type {Subscription} from './subscription.ts';

/**
 * The number as text. `question` is a subject, or a subject, a blank and a queue group whose members alone count; a subject with wildcards
 * counts the subscriptions within it. The server's own listeners do not count.
 */
export function countListeners(account: Account, question: string): Buffer {
  const [subject = '', queue] = question.trim().split(' ');
  let count = 0;
  for (const subscription of candidates(account, subject)) {
    if (subscription.client.id === 0 || (queue !== undefined && subscription.queue !== queue)) continue;
    count += 1;
  }
  return Buffer.from(String(count), 'latin1');
}

function* candidates(account: Account, subject: string): Iterable<Subscription> {
  const {subscriptions} = account;
  if (hasWildcard(subject)) {
    for (const item of subscriptions.items()) if (isWithin(item.subject, subject)) yield item;
    return;
  }
  const {plain, queues} = subscriptions.matchOnce(subject);
  yield* plain;
  for (const {members} of queues) yield* members;
}
