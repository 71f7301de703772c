/**
 * Who may ask the broker about the fleet: whoever may ask the fleet. So callers have the right without a word in their permissions, and nodes have not.
 */
import {broadcastSubject, interestSubject} from '../../protocol/index.ts';

/** A request to every server; the first token of permissions of callers is a wildcard, so the collective does not matter. */
export const requestSample = broadcastSubject('mcollective', 'discovery');

/** The subject whose permission decides about publishing to `subject`. */
export function servicePermission(subject: string): string {
  return subject === interestSubject ? requestSample : subject;
}
