/**
 * Decides which subscriptions a published subject reaches.
 *
 * A trie with one level per token: a publish costs O(tokens), not O(subscriptions). Results are remembered per subject. A change to a
 * literal subject forgets only that subject's result, a change to a pattern forgets all: fleets publish often and subscribe rarely.
 * Pure: no sockets, no clock, no choice among the members of a queue group.
 */
import {wireLimits} from './limits.ts';
import {hasWildcard, isPublishSubject} from './subject.ts';

/** The members of one queue group that a subject reaches; exactly one of them is to get the message. */
export interface QueueMatch<Item> {
  readonly queue: string;
  readonly members: readonly Item[];
}

/** Who gets a message. Shared between calls: never changed after it was handed out. */
export interface Match<Item> {
  readonly plain: readonly Item[];
  readonly queues: readonly QueueMatch<Item>[];
}

/** What monitoring shows of a list. */
export interface SublistCounters {
  readonly subscriptions: number;
  readonly cached: number;
  readonly inserts: number;
  readonly removes: number;
  readonly matches: number;
  readonly cacheHits: number;
  /** Of the remembered results: the most receivers of one, and the receivers of all. */
  readonly fanoutMax: number;
  readonly fanoutSum: number;
}

const noMatch: Match<never> = {plain: [], queues: []};

class Node<Item> {
  next: Level<Item> | undefined = undefined;
  /** One subscription alone, as most nodes have, is kept without a set. */
  single: Item | undefined = undefined;
  many: Set<Item> | undefined = undefined;
  queues: Map<string, Set<Item>> | undefined = undefined;

  get isEmpty(): boolean {
    return this.next === undefined && this.single === undefined && this.many === undefined && this.queues === undefined;
  }
}

class Level<Item> {
  readonly literals = new Map<string, Node<Item>>();
  any: Node<Item> | undefined = undefined;
  rest: Node<Item> | undefined = undefined;

  get isEmpty(): boolean {
    return this.literals.size === 0 && this.any === undefined && this.rest === undefined;
  }
}

interface Collected<Item> {
  plain: Item[];
  queues: Map<string, Item[]> | undefined;
}

/**
 * @example
 * const list = new Sublist<string>();
 * list.insert('fleet.*', 'first');
 * list.match('fleet.web1').plain; // ['first']
 */
export class Sublist<Item> {
  /** Grows with each change that may make a remembered match wrong. */
  generation = 1;
  #root = new Level<Item>();
  #count = 0;
  readonly #cache = new Map<string, Match<Item>>();
  #inserts = 0;
  #removes = 0;
  #matches = 0;
  #cacheHits = 0;

  /** Subscriptions held. */
  get size(): number {
    return this.#count;
  }

  /** Results remembered at the moment. */
  get cacheSize(): number {
    return this.#cache.size;
  }

  /** Adds an item; the same item may be added once per subject and queue. */
  insert(subject: string, item: Item, queue?: string): void {
    let level = this.#root;
    let node: Node<Item> | undefined;
    for (const token of subject.split('.')) {
      if (node !== undefined) level = node.next ??= new Level<Item>();
      node = childOf(level, token) ?? addChild(level, token);
    }
    if (node === undefined) return;
    if (addTo(node, item, queue)) {
      this.#count += 1;
      this.#inserts += 1;
      this.#changed(subject);
    }
  }

  /** Takes an item out; false when it was not there. */
  remove(subject: string, item: Item, queue?: string): boolean {
    const path: {level: Level<Item>; token: string; node: Node<Item>}[] = [];
    let level: Level<Item> | undefined = this.#root;
    for (const token of subject.split('.')) {
      const node: Node<Item> | undefined = level === undefined ? undefined : childOf(level, token);
      if (level === undefined || node === undefined) return false;
      path.push({level, token, node});
      level = node.next;
    }
    const last = path.at(-1);
    if (last === undefined || !takeFrom(last.node, item, queue)) return false;
    this.#count -= 1;
    this.#removes += 1;
    this.#changed(subject);
    for (const step of path.toReversed()) {
      if (step.node.next?.isEmpty === true) step.node.next = undefined;
      if (!step.node.isEmpty) break;
      dropChild(step.level, step.token);
    }
    return true;
  }

  /**
   * Everybody whose subscription matches. Wildcards in `subject` are literal tokens, as a publish means them; a subject with an empty token
   * matches nobody.
   */
  match(subject: string): Match<Item> {
    this.#matches += 1;
    const known = this.#cache.get(subject);
    if (known !== undefined) {
      this.#cacheHits += 1;
      return known;
    }
    const result = this.#walk(subject);
    if (this.#cache.size >= wireLimits.matchCacheMax) {
      this.#cache.clear();
      this.generation += 1;
    }
    this.#cache.set(subject, result);
    return result;
  }

  /** As `match`, for a subject that will not be asked for again: nothing is remembered. */
  matchOnce(subject: string): Match<Item> {
    return this.#cache.get(subject) ?? this.#walk(subject);
  }

  /** Whether anybody would get a message. */
  hasInterest(subject: string): boolean {
    const match = this.match(subject);
    return match.plain.length > 0 || match.queues.length > 0;
  }

  /** Every item, in no order. */
  *items(): Iterable<Item> {
    yield* itemsOf(this.#root);
  }

  counters(): SublistCounters {
    let fanoutMax = 0;
    let fanoutSum = 0;
    for (const match of this.#cache.values()) {
      const fanout = match.plain.length + match.queues.length;
      fanoutSum += fanout;
      if (fanout > fanoutMax) fanoutMax = fanout;
    }
    return {
      subscriptions: this.#count,
      cached: this.#cache.size,
      inserts: this.#inserts,
      removes: this.#removes,
      matches: this.#matches,
      cacheHits: this.#cacheHits,
      fanoutMax,
      fanoutSum,
    };
  }

  #changed(subject: string): void {
    if (hasWildcard(subject)) {
      this.#cache.clear();
      this.generation += 1;
    } else if (this.#cache.delete(subject)) {
      this.generation += 1;
    }
  }

  #walk(subject: string): Match<Item> {
    if (!isPublishSubject(subject)) return noMatch;
    const collected: Collected<Item> = {plain: [], queues: undefined};
    collect(this.#root, {tokens: subject.split('.'), index: 0, collected});
    if (collected.plain.length === 0 && collected.queues === undefined) return noMatch;
    const queues: QueueMatch<Item>[] = [];
    for (const [queue, members] of collected.queues ?? []) queues.push({queue, members});
    return {plain: collected.plain, queues};
  }
}

function childOf<Item>(level: Level<Item>, token: string): Node<Item> | undefined {
  if (token === '*') return level.any;
  if (token === '>') return level.rest;
  return level.literals.get(token);
}

function addChild<Item>(level: Level<Item>, token: string): Node<Item> {
  const node = new Node<Item>();
  if (token === '*') level.any = node;
  else if (token === '>') level.rest = node;
  else level.literals.set(token, node);
  return node;
}

function dropChild<Item>(level: Level<Item>, token: string): void {
  if (token === '*') level.any = undefined;
  else if (token === '>') level.rest = undefined;
  else level.literals.delete(token);
}

function addTo<Item>(node: Node<Item>, item: Item, queue: string | undefined): boolean {
  if (queue !== undefined) {
    node.queues ??= new Map();
    const members = node.queues.get(queue) ?? new Set();
    node.queues.set(queue, members);
    if (members.has(item)) return false;
    members.add(item);
    return true;
  }
  if (node.many !== undefined) {
    if (node.many.has(item)) return false;
    node.many.add(item);
  } else if (node.single === undefined) {
    node.single = item;
  } else {
    if (node.single === item) return false;
    node.many = new Set([node.single, item]);
    node.single = undefined;
  }
  return true;
}

function takeFrom<Item>(node: Node<Item>, item: Item, queue: string | undefined): boolean {
  if (queue !== undefined) {
    const members = node.queues?.get(queue);
    if (members === undefined || !members.delete(item)) return false;
    if (members.size === 0) node.queues?.delete(queue);
    if (node.queues?.size === 0) node.queues = undefined;
    return true;
  }
  if (node.single !== undefined) {
    if (node.single !== item) return false;
    node.single = undefined;
    return true;
  }
  if (node.many === undefined || !node.many.delete(item)) return false;
  if (node.many.size === 0) node.many = undefined;
  return true;
}

function collect<Item>(
  level: Level<Item>,
  walk: {readonly tokens: readonly string[]; readonly index: number; readonly collected: Collected<Item>},
): void {
  const {tokens, index, collected} = walk;
  if (level.rest !== undefined) gather(level.rest, collected);
  const isLast = index === tokens.length - 1;
  const literal = level.literals.get(tokens[index] ?? '');
  // One connection with several matching subscriptions sees this order: nats-server's.
  for (const node of isLast ? [literal, level.any] : [level.any, literal]) {
    if (node === undefined) continue;
    if (isLast) gather(node, collected);
    else if (node.next !== undefined) collect(node.next, {tokens, index: index + 1, collected});
  }
}

function gather<Item>(node: Node<Item>, collected: Collected<Item>): void {
  if (node.single !== undefined) collected.plain.push(node.single);
  if (node.many !== undefined) for (const item of node.many) collected.plain.push(item);
  if (node.queues === undefined) return;
  collected.queues ??= new Map();
  for (const [queue, members] of node.queues) {
    const known = collected.queues.get(queue);
    if (known === undefined) collected.queues.set(queue, [...members]);
    else for (const item of members) known.push(item);
  }
}

function* itemsOf<Item>(level: Level<Item>): Iterable<Item> {
  for (const node of [...level.literals.values(), level.any, level.rest]) {
    if (node === undefined) continue;
    if (node.single !== undefined) yield node.single;
    if (node.many !== undefined) yield* node.many;
    for (const members of node.queues?.values() ?? []) yield* members;
    if (node.next !== undefined) yield* itemsOf(node.next);
  }
}
