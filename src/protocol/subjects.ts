/** Every subject of the protocol, in one place (spec protocol 9). The same for both versions. */
import {createHash} from 'node:crypto';
import {isPublishSubject, requireSubjectName, requireSubjectToken} from './names.ts';

/** All servers of a collective that have the agent. */
export function broadcastSubject(collective: string, agent: string): string {
  return `${prefix(collective)}.broadcast.agent.${requireSubjectToken(agent, 'agent')}`;
}

/** One server of a collective that has the agent; subscribed with the agent's name as queue group. */
export function serviceSubject(collective: string, agent: string): string {
  return `${prefix(collective)}.broadcast.service.${requireSubjectToken(agent, 'agent')}`;
}

/** One server. */
export function nodeSubject(collective: string, identity: string): string {
  return `${prefix(collective)}.node.${requireSubjectName(identity, 'identity')}`;
}

export function governorSubject(collective: string, name: string): string {
  return `${prefix(collective)}.governor.${requireSubjectToken(name, 'governor')}`;
}

/** Where a client waits for the replies to one request. */
export function replySubject(options: {
  readonly collective: string;
  readonly callerId: string;
  readonly requestId: string;
}): string {
  return `${inboxPrefix(options.collective, options.callerId)}.${requireSubjectToken(options.requestId, 'request id')}`;
}

/** The private inbox of a caller or, for a server, of an identity; what brokers grant with a token. */
export function inboxPrefix(collective: string, callerOrIdentity?: string): string {
  const base = `${prefix(collective)}.reply`;
  return callerOrIdentity === undefined ? base : `${base}.${uniqueId(callerOrIdentity)}`;
}

/** The caller's part of an inbox: hex MD5, or SHA-256 where MD5 is forbidden. MD5 hides nothing here, it only shortens. */
export function uniqueId(callerOrIdentity: string, algorithm: 'md5' | 'sha256' = 'md5'): string {
  return createHash(algorithm).update(callerOrIdentity, 'utf8').digest('hex');
}

/** Requests on their way to the federation broker of a cluster. */
export function federationRequestSubject(cluster: string): string {
  return `choria.federation.${requireSubjectToken(cluster, 'federation cluster')}.federation`;
}

/** Replies on their way to the federation broker of a cluster. */
export function federationReplySubject(cluster: string): string {
  return `choria.federation.${requireSubjectToken(cluster, 'federation cluster')}.collective`;
}

export function lifecycleSubject(type: string, component: string): string {
  return `choria.lifecycle.event.${requireSubjectToken(type, 'event type')}.${requireSubjectToken(component, 'component')}`;
}

export const machineTransitionSubject = 'choria.machine.transition';

export function machineWatcherSubject(watcherType: string): string {
  return `choria.machine.watcher.${requireSubjectToken(watcherType, 'watcher type')}.state`;
}

export function submissionSubject(collective: string, subject: string): string {
  return `${prefix(collective)}.submission.in.${requireSubjectName(subject, 'subject')}`;
}

/** The address that says: nobody waits for a reply. */
export const nowhereSubject = 'dev.null';

/**
 * Whether a server may publish a reply there: an inbox of a collective, of a NATS client, a federation broker's reply side, or
 * nowhere. Everything else would let whoever wrote the unsigned header make servers publish requests, events or system messages.
 *
 * @param options.collectives  when given, the inbox must belong to one of these
 * @param options.extraSubjects  exact subjects that an operator allows besides, such as an adapter's
 */
export function isReplySubject(
  subject: string,
  options: {readonly collectives?: readonly string[]; readonly extraSubjects?: readonly string[]} = {},
): boolean {
  if (!isPublishSubject(subject)) return false;
  if (subject === nowhereSubject || options.extraSubjects?.includes(subject)) return true;
  const tokens = subject.split('.');
  if (tokens[0]?.startsWith('$')) return false;
  if (tokens[0] === '_INBOX') return tokens.length > 1;
  if (tokens.length === 4 && tokens[0] === 'choria' && tokens[1] === 'federation') return tokens[3] === 'collective';
  if (options.collectives !== undefined) {
    return options.collectives.some((name) => subject.startsWith(`${name}.reply.`));
  }
  return tokens.length > 2 && tokens[1] === 'reply';
}

function prefix(collective: string): string {
  return requireSubjectToken(collective, 'collective');
}
