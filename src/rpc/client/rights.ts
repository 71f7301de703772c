/** What the broker refused to let through reached nobody. It must be told, and not look like a fleet that is silent or empty. */
import {RequestError} from './errors.ts';
import type {Messenger, RequestKind} from './types.ts';

/** Where a request goes that is not for named nodes. */
export function sharedSubject(
  messenger: Messenger,
  request: {readonly collective: string; readonly agent: string; readonly kind: RequestKind},
): string {
  return request.kind === 'service' ? messenger.serviceSubject(request) : messenger.agentSubject(request);
}

/**
 * Looks at what the broker said by now; call it once the broker confirmed that it handled the request.
 *
 * @param subjects.replyTo  undefined where nobody listens here
 * @param subjects.shared  subjects that reach several nodes; refused is a request only when all of them are
 * @throws {RequestError} `ERR_REQUEST_NOT_PERMITTED`
 */
export function checkRights(
  messenger: Pick<Messenger, 'connection' | 'callerId'>,
  subjects: {readonly replyTo: string | undefined; readonly shared: readonly string[]},
): void {
  const {connection, callerId} = messenger;
  const {replyTo, shared} = subjects;
  const isRefused = (subject: string): boolean => connection.isRefused?.(subject) === true;
  if (replyTo !== undefined && isRefused(replyTo)) {
    throw notPermitted(`listen for replies on ${JSON.stringify(replyTo)}`, {callerId, subject: replyTo});
  }
  const [first] = shared;
  if (first === undefined || !shared.every(isRefused)) return;
  throw notPermitted(`send requests to ${JSON.stringify(first)}`, {callerId, subject: first});
}

function notPermitted(what: string, facts: {readonly callerId: string; readonly subject: string}): RequestError {
  return new RequestError(
    'ERR_REQUEST_NOT_PERMITTED',
    `The broker does not let ${JSON.stringify(facts.callerId)} ${what}`,
    {details: {subject: facts.subject}},
  );
}
