/** What can be wrong with an event. */
import {ChoriaError} from '../lib/errors.ts';

export const eventErrorCodes = {
  ERR_EVENT_INCOMPLETE: 'An event lacks what it needs to be published, such as its component.',
  ERR_EVENT_INVALID: 'A message is not a lifecycle event.',
} as const;

export type EventErrorCode = keyof typeof eventErrorCodes;

export class EventError extends ChoriaError<EventErrorCode> {}
