/**
 * What callers do in a simulation: an operator with rights, one with few, and a hostile one who records and sends again.
 */
import type {FleetClient} from '../client/index.ts';
import type {Connection, PublishOptions} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {emptyFilter} from '../protocol/index.ts';
import type {Checks} from './checks.ts';
import type {History} from './history.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

/** A request as it went over the wire. */
export interface Recording {
  readonly subject: string;
  readonly payload: Buffer;
}

/** A tape of what one connection published; the hostile caller's treasure. */
export class Tape {
  readonly #recordings: Recording[] = [];

  get recordings(): readonly Recording[] {
    return this.#recordings;
  }

  /** The connection, with what it publishes to nodes kept. */
  record(connection: Connection): Connection {
    const publish = (subject: string, payload: Uint8Array, options?: PublishOptions): void => {
      if (/\.(node|broadcast)\./.test(subject)) {
        this.#recordings.push({subject, payload: Buffer.from(payload)});
        if (this.#recordings.length > recordingsMax) this.#recordings.shift();
      }
      connection.publish(subject, payload, options);
    };
    return new Proxy(connection, {
      get: (target, property) => {
        if (property === 'publish') return publish;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
      },
    });
  }
}

export interface WorkloadOptions {
  readonly timeline: Timeline;
  readonly random: SimRandom;
  readonly history: History;
  readonly checks: Checks;
  readonly nodes: readonly string[];
  readonly alice: FleetClient;
  readonly carol: FleetClient;
  readonly hostile: {readonly connection: Connection; readonly client: FleetClient; readonly tape: Tape};
}

const recordingsMax = 200;
const pauseMs = {low: 500, high: 6_000} as const;
const requestTimeoutMs = 8_000;

export class Workload {
  readonly #options: WorkloadOptions;
  #stopped = false;
  #requests = 0;
  #replays = 0;
  #task = 0;
  #open = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Requests that were made, the hostile ones included. */
  get requests(): number {
    return this.#requests;
  }

  get replays(): number {
    return this.#replays;
  }

  /** Requests whose end has not come. */
  get open(): number {
    return this.#open;
  }

  start(): void {
    const {timeline, random} = this.#options;
    timeline.after(random.integer(pauseMs.low, pauseMs.high), () => {
      if (this.#stopped) return;
      this.#act();
      this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  #act(): void {
    const {random, alice, carol} = this.#options;
    const roll = random.float();
    if (roll < 0.35) this.#direct(alice, {caller: 'alice', action: 'write', batchSize: 0});
    else if (roll < 0.45) this.#direct(alice, {caller: 'alice', action: 'write', batchSize: random.integer(1, 10)});
    else if (roll < 0.55) this.#discover(alice);
    else if (roll < 0.65) this.#broadcast(alice);
    else if (roll < 0.75) this.#direct(carol, {caller: 'carol', action: random.pick(['read', 'write']), batchSize: 0});
    else if (roll < 0.82)
      this.#direct(this.#options.hostile.client, {caller: 'mallory', action: 'write', batchSize: 0});
    else this.#replay();
  }

  #direct(
    client: FleetClient,
    options: {readonly caller: string; readonly action: string; readonly batchSize: number},
  ): void {
    const {random, nodes, checks} = this.#options;
    const {caller, action, batchSize} = options;
    const targets = nodes.filter(() => random.chance(0.5));
    const task = `task-${this.#task++}`;
    if (targets.length === 0) return;
    this.#run(`${caller} asks ${targets.length} nodes to ${action} ${task}`, async () => {
      const answered: {node: string; statusCode: number; task: unknown}[] = [];
      const statistics = await client.perform(
        {
          agent: 'ledger',
          action,
          data: {task},
          kind: 'direct',
          targets,
          timeoutMs: requestTimeoutMs,
          batchSize,
          batchSleepMs: 300,
        },
        {reply: (reply) => answered.push({node: reply.sender, statusCode: reply.statusCode, task: taskOf(reply.data)})},
      );
      checks.ended({
        requestId: statistics.requestId,
        task,
        callerId: `choria=${caller}.mcollective`,
        asked: targets,
        answered,
        silent: statistics.noResponses,
      });
      return `${statistics.ok} ok, ${statistics.failed} refused, ${statistics.noResponses.length} silent`;
    });
  }

  #broadcast(client: FleetClient): void {
    const task = `task-${this.#task++}`;
    this.#run(`alice asks all even nodes to write ${task}`, async () => {
      const filter = {...emptyFilter, classes: ['even'], agents: ['ledger']};
      const answered: {node: string; statusCode: number; task: unknown}[] = [];
      const statistics = await client.perform(
        {agent: 'ledger', action: 'write', data: {task}, kind: 'broadcast', filter, timeoutMs: requestTimeoutMs},
        {reply: (reply) => answered.push({node: reply.sender, statusCode: reply.statusCode, task: taskOf(reply.data)})},
      );
      const odd = answered.filter((item) => Number(item.node.replace(/\D/g, '')) % 2 === 1);
      this.#options.checks.hold(odd.length === 0, {
        rule: 'a filter is kept',
        text: `${statistics.requestId} was for even nodes and ran on ${odd.map((item) => item.node).join(', ')}`,
      });
      return `${statistics.ok} ok`;
    });
  }

  #discover(client: FleetClient): void {
    this.#run('alice discovers nodes in mt', async () => {
      const found = await client.discover({filter: {facts: ['country=mt']}, timeoutMs: 2_000});
      const wrong = found.identities.filter((name) => Number(name.replace(/\D/g, '')) % 3 !== 0);
      this.#options.checks.hold(wrong.length === 0, {
        rule: 'a filter is kept',
        text: `discovery of mt found ${wrong.join(', ')}`,
      });
      return `${found.identities.length} found`;
    });
  }

  /** Sends something recorded again, as it is or to another node. */
  #replay(): void {
    const {random, nodes, hostile} = this.#options;
    if (hostile.tape.recordings.length === 0) return;
    const recording = random.pick(hostile.tape.recordings);
    const subject = random.chance(0.3) ? `mcollective.node.${random.pick(nodes)}` : recording.subject;
    this.#replays += 1;
    this.#run(`mallory replays a message to ${subject}`, async () => {
      for (let times = random.integer(1, 5); times > 0; times--) hostile.connection.publish(subject, recording.payload);
      return 'sent';
    });
  }

  #run(text: string, act: () => Promise<string>): void {
    const {history, timeline} = this.#options;
    const number = ++this.#requests;
    this.#open += 1;
    history.add(timeline.nowMs, {kind: 'request', text: `${number} ${text}`});
    act()
      .catch((error: unknown) => `failed: ${errorMessage(error).split('\n')[0] ?? ''}`)
      .then((outcome) => {
        this.#open -= 1;
        history.add(timeline.nowMs, {kind: 'ended', text: `${number} ${outcome}`});
      })
      .catch((error: unknown) =>
        history.add(timeline.nowMs, {kind: 'ended', text: `${number} ${errorMessage(error)}`}),
      );
  }
}

function taskOf(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'task' in data ? data.task : undefined;
}
