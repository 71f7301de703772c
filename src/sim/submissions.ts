/**
 * Local programs that submit messages on nodes, and the stream that stores them: what was accepted arrives, whatever happens to the node,
 * in order and as it was.
 */
import type {Connection, MiddlewareMessage} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {createSubmissionSpool} from '../submission/index.ts';
import type {Checks} from './checks.ts';
import {type NodeMachine, type SimFleet, spoolDirectory} from './fleet.ts';
import type {History} from './history.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

const pauseMs = {low: 1_000, high: 9_000} as const;
/** The stream does not answer this often; the message is stored all the same. */
const deafChance = 0.1;
/** A pass over a slow disk may take this long, so that what was submitted meanwhile comes with the next. */
const passMsMax = 90_000;
const priorities = 5;

interface Accepted {
  readonly id: string;
  readonly node: string;
  readonly text: string;
  readonly priority: number;
  readonly isReliable: boolean;
  /** Of the node, when it was submitted. */
  readonly wallMs: number;
  readonly acceptedAtMs: number;
}

export interface SubmissionsOptions {
  readonly fleet: SimFleet;
  readonly timeline: Timeline;
  readonly random: SimRandom;
  readonly history: History;
  readonly checks: Checks;
  /** The stream's. */
  readonly connection: Connection;
}

export class Submissions {
  readonly #options: SubmissionsOptions;
  readonly #accepted = new Map<string, Accepted>();
  readonly #texts = new Set<string>();
  readonly #received = new Set<string>();
  /** Nodes whose spool was damaged by flipped bits, and whose messages may be lost. */
  readonly #damaged = new Set<string>();
  /** Nodes whose clock jumped, and whose messages may change places. */
  readonly #jumped = new Set<string>();
  #count = 0;
  #stored = 0;
  #stopped = false;

  constructor(options: SubmissionsOptions) {
    this.#options = options;
  }

  get submitted(): number {
    return this.#accepted.size;
  }

  start(): void {
    this.#options.connection.subscribe('mcollective.submission.in.>', (message) => this.#store(message));
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
  }

  damaged(node: string): void {
    this.#damaged.add(node);
  }

  clockJumped(node: string): void {
    this.#jumped.add(node);
  }

  /** Reliable messages that were accepted and have not arrived. */
  missing(): readonly string[] {
    return [...this.#accepted.values()]
      .filter((item) => item.isReliable && !this.#received.has(item.id) && !this.#damaged.has(item.node))
      .map((item) => `${item.text} of ${item.node}`);
  }

  #next(): void {
    const {timeline, random} = this.#options;
    timeline.after(random.integer(pauseMs.low, pauseMs.high), () => {
      if (this.#stopped) return;
      this.#submit();
      this.#next();
    });
  }

  #submit(): void {
    const {fleet, random, timeline, history} = this.#options;
    const ready = fleet.nodes.filter((node) => fleet.hasSpool(node.identity) && fleet.isServing(node));
    if (ready.length === 0) return;
    const node = random.pick(ready);
    const text = `message-${this.#count++}`;
    const priority = random.integer(0, priorities - 1);
    const isReliable = random.chance(0.7);
    this.#texts.add(text);
    this.#write(node, {text, priority, isReliable}).catch((error: unknown) =>
      history.add(timeline.nowMs, {
        kind: 'spool',
        text: `${text} refused: ${errorMessage(error).split('\n')[0] ?? ''}`,
      }),
    );
  }

  async #write(
    node: NodeMachine,
    message: {readonly text: string; readonly priority: number; readonly isReliable: boolean},
  ): Promise<void> {
    const {timeline, history} = this.#options;
    const platform = node.process?.platform;
    if (platform === undefined) return;
    const {text, priority, isReliable} = message;
    const spool = await createSubmissionSpool({platform, directory: spoolDirectory, messagesMax: 1_000});
    const wallMs = platform.clock.nowMs();
    const id = await spool.submit({
      subject: 'sim',
      payload: Buffer.from(text),
      sender: 'sim',
      reliable: isReliable,
      priority,
    });
    this.#accepted.set(id, {
      id,
      text,
      priority,
      isReliable,
      wallMs,
      node: node.identity,
      acceptedAtMs: timeline.nowMs,
    });
    history.add(timeline.nowMs, {
      kind: 'spool',
      text: `${text} accepted by ${node.identity}, priority ${priority}${isReliable ? ', reliable' : ''}`,
    });
  }

  #store(message: MiddlewareMessage): void {
    const {checks, random, connection, timeline, history} = this.#options;
    const id = /^Nats-Msg-Id: *([^\r\n]+)/im.exec(message.headers?.toString('latin1') ?? '')?.[1] ?? '';
    const sender = /^Choria-Identity: *([^\r\n]+)/im.exec(message.headers?.toString('latin1') ?? '')?.[1] ?? '';
    const text = message.payload.toString('utf8');
    // A message may arrive before its submitter knows that it was accepted.
    checks.hold(this.#texts.has(text) || this.#damaged.has(sender), {
      rule: 'a submission arrives as it was',
      text: `${JSON.stringify(text)} of ${sender} was never submitted`,
    });
    const known = this.#accepted.get(id);
    if (known !== undefined && !this.#received.has(id)) this.#checkOrder(known);
    if (!this.#received.has(id)) history.add(timeline.nowMs, {kind: 'stored', text});
    this.#received.add(id);
    if (message.replyTo === undefined || random.chance(deafChance)) return;
    this.#stored += 1;
    try {
      connection.publish(message.replyTo, Buffer.from(JSON.stringify({stream: 'SIM', seq: this.#stored})));
    } catch (error) {
      history.add(timeline.nowMs, {kind: 'stored', text: `not confirmed: ${errorMessage(error)}`});
    }
  }

  #checkOrder(arrived: Accepted): void {
    const {timeline, checks} = this.#options;
    const {node, priority, isReliable, wallMs} = arrived;
    if (!isReliable || this.#jumped.has(node) || this.#damaged.has(node)) return;
    for (const other of this.#accepted.values()) {
      const isBefore =
        other.node === node &&
        other.isReliable &&
        other.priority === priority &&
        other.wallMs < wallMs &&
        timeline.nowMs - other.acceptedAtMs > passMsMax;
      checks.hold(!isBefore || this.#received.has(other.id), {
        rule: 'reliable submissions keep their order',
        text: `${arrived.text} of ${node} arrived before ${other.text}`,
      });
    }
  }
}
