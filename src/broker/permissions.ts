/**
 * What a connection may publish and subscribe to.
 *
 * A subscription must be a subset of an allowed pattern; one that only overlaps a denied pattern is accepted and its messages are filtered.
 * All lists are plain pattern strings: a node has a handful, and thousands of connections share them.
 */
import {
  hasWildcard,
  isPublishSubject,
  isSubscribeSubject,
  isWithin,
  matchesLiterally,
  overlaps,
  toBytesText,
} from '../natswire/index.ts';
import {BrokerError} from './errors.ts';

export interface SubjectRules {
  /** Absent: everything. Empty: nothing. An entry for subscriptions may be `subject queue`. */
  readonly allow?: readonly string[];
  /** Patterns within which only single subjects are allowed: a subscription with a wildcard is not. */
  readonly allowSingle?: readonly string[];
  readonly deny?: readonly string[];
}

export interface Permissions {
  readonly publish?: SubjectRules;
  readonly subscribe?: SubjectRules;
  /** Lets a connection publish to the reply subjects of messages it received, `max` times each within `expiresMs`. */
  readonly allowResponses?: {readonly max: number; readonly expiresMs: number};
}

interface QueueRule {
  readonly subject: string;
  readonly queue: string;
}

interface CompiledRules {
  readonly allow: readonly string[] | undefined;
  readonly allowSingle: readonly string[];
  readonly allowQueues: readonly QueueRule[];
  readonly deny: readonly string[];
  readonly denyQueues: readonly QueueRule[];
}

const openRules: CompiledRules = {allow: undefined, allowSingle: [], allowQueues: [], deny: [], denyQueues: []};

/** Ready for use; one object may serve many connections. */
export class CompiledPermissions {
  readonly allowResponses: Permissions['allowResponses'];
  readonly #publish: CompiledRules;
  readonly #subscribe: CompiledRules;

  /** @throws {BrokerError} `ERR_BROKER_PERMISSIONS` */
  constructor(permissions: Permissions) {
    this.allowResponses = permissions.allowResponses;
    // Permission to answer alone means that nothing else may be published.
    const publish = permissions.publish ?? (permissions.allowResponses ? {allow: []} : undefined);
    this.#publish = publish ? compileRules(publish) : openRules;
    this.#subscribe = permissions.subscribe ? compileRules(permissions.subscribe) : openRules;
  }

  /** `subject` is taken literally. */
  mayPublish(subject: string): boolean {
    const {allow, allowSingle, deny} = this.#publish;
    const isAllowed = (pattern: string): boolean => matchesLiterally(subject, pattern);
    // What is no subject is within nothing.
    if (allow !== undefined && !(isPublishSubject(subject) && [...allow, ...allowSingle].some(isAllowed))) return false;
    return !deny.some((pattern) => matchesLiterally(subject, pattern));
  }

  maySubscribe(subject: string, queue: string | undefined): boolean {
    return this.#isSubscribeAllowed(subject, queue) && !this.#isSubscribeDenied(subject, queue);
  }

  /** Whether some messages of an accepted subscription have to be held back. */
  needsFilter(subject: string, queue: string | undefined): boolean {
    const {deny, denyQueues} = this.#subscribe;
    if (deny.some((pattern) => overlaps(subject, pattern))) return true;
    return queue !== undefined && denyQueues.some((rule) => overlaps(subject, rule.subject));
  }

  /** Whether this message may reach the connection, however wide its subscription is. */
  mayReceive(subject: string, queue: string | undefined): boolean {
    const {deny, denyQueues} = this.#subscribe;
    if (deny.some((pattern) => matchesLiterally(subject, pattern))) return false;
    return queue === undefined || !denyQueues.some((rule) => isQueueRule(rule, subject, queue));
  }

  #isSubscribeAllowed(subject: string, queue: string | undefined): boolean {
    const {allow, allowSingle, allowQueues} = this.#subscribe;
    if (allow === undefined) return true;
    // What is no subject is within nothing.
    if (!isPublishSubject(subject)) return false;
    if (queue !== undefined) {
      const rules = allowQueues.filter((rule) => isWithin(subject, rule.subject));
      if (rules.length > 0) return rules.some((rule) => matchesLiterally(queue, rule.queue));
    }
    if (allow.some((pattern) => isWithin(subject, pattern))) return true;
    return !hasWildcard(subject) && allowSingle.some((pattern) => isWithin(subject, pattern));
  }

  #isSubscribeDenied(subject: string, queue: string | undefined): boolean {
    const {deny, denyQueues} = this.#subscribe;
    // The second look is nats-server's: a wildcard taken as a plain token is also refused, which only refuses more.
    if (deny.some((pattern) => isWithin(subject, pattern) || matchesLiterally(subject, pattern))) return true;
    if (queue === undefined) return false;
    return denyQueues.some((rule) => isQueueRule(rule, subject, queue));
  }
}

function isQueueRule(rule: QueueRule, subject: string, queue: string): boolean {
  return matchesLiterally(subject, rule.subject) && matchesLiterally(queue, rule.queue);
}

function compileRules(rules: SubjectRules): CompiledRules {
  const allow = (rules.allow ?? (rules.allowSingle === undefined ? undefined : []))?.map(parseRule);
  const deny = (rules.deny ?? []).map(parseRule);
  return {
    allow: allow?.filter((rule) => rule.queue === undefined).map((rule) => rule.subject),
    allowSingle: (rules.allowSingle ?? []).map((text) => parseRule(text).subject),
    allowQueues: (allow ?? []).filter(hasQueue),
    deny: deny.filter((rule) => rule.queue === undefined).map((rule) => rule.subject),
    denyQueues: deny.filter(hasQueue),
  };
}

function hasQueue(rule: {readonly subject: string; readonly queue: string | undefined}): rule is QueueRule {
  return rule.queue !== undefined;
}

function parseRule(text: string): {readonly subject: string; readonly queue: string | undefined} {
  const parts = toBytesText(text)
    .split(/[ \t]+/)
    .filter((part) => part !== '');
  const [subject, queue] = parts;
  if (subject === undefined || parts.length > 2 || !isSubscribeSubject(subject)) {
    throw new BrokerError(
      'ERR_BROKER_PERMISSIONS',
      `Cannot use ${JSON.stringify(text)} as a permission: expected a subject, and for subscriptions at most one queue group behind it`,
    );
  }
  return {subject, queue};
}
