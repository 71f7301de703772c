/**
 * What callers do in a simulation: an operator with rights, one with few, two who lose theirs, and a hostile one who records and sends
 * again.
 */
import {type FleetClient, planRamp, rampPath, type RequestStatistics, runRamp} from '../client/index.ts';
import type {Connection} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {emptyFilter} from '../protocol/index.ts';
import type {Checks} from './checks.ts';
import type {Tape} from './doubling.ts';
import type {History} from './history.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

export interface WorkloadOptions {
  readonly timeline: Timeline;
  readonly random: SimRandom;
  readonly history: History;
  readonly checks: Checks;
  readonly nodes: readonly string[];
  readonly alice: FleetClient;
  /** Where alice keeps the files of ramps. */
  readonly files: Files;
  readonly carol: FleetClient;
  /** Callers whose rights end while the simulation runs. */
  readonly passing: readonly {readonly name: string; readonly client: FleetClient}[];
  readonly hostile: {readonly connection: Connection; readonly client: FleetClient; readonly tape: Tape};
}

const pauseMs = {low: 500, high: 6_000} as const;
const requestTimeoutMs = 8_000;
/** What was recorded last is sent again to a node that has just started, this much later. */
const afterStartMs = {low: 20, high: 1_500} as const;
const recordingsToNewcomer = 8;
/** No request takes longer, batches and ramps of a whole fleet included. */
const openMsMax = 30 * 60_000;

export class Workload {
  readonly #options: WorkloadOptions;
  #stopped = false;
  #requests = 0;
  #replays = 0;
  #task = 0;
  /** When each request began whose end has not come. */
  readonly #open = new Map<number, number>();

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
    return this.#open.size;
  }

  /** Looks for requests that do not end. */
  check(): void {
    const {timeline, checks} = this.#options;
    for (const [number, atMs] of this.#open) {
      checks.hold(timeline.nowMs - atMs < openMsMax, {
        rule: 'every request ends',
        text: `request ${number} has not ended in ${openMsMax / 60_000} minutes`,
      });
    }
  }

  /** A node has started: the hostile caller tries what it heard last. */
  started(identity: string): void {
    const {timeline, random, hostile} = this.#options;
    if (this.#stopped) return;
    for (const recording of hostile.tape.recordings.slice(-recordingsToNewcomer)) {
      timeline.after(random.integer(afterStartMs.low, afterStartMs.high), () => {
        this.#replays += 1;
        this.#run(`mallory greets ${identity}`, async () => {
          hostile.connection.publish(`mcollective.node.${identity}`, recording.payload);
          return 'sent';
        });
      });
    }
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
    const {random, alice, carol, passing} = this.#options;
    const roll = random.float();
    if (roll < 0.06) this.#ramp(alice);
    else if (roll < 0.16) {
      const {name, client} = random.pick(passing);
      this.#direct(client, {caller: name, action: 'write', batchSize: 0});
    } else if (roll < 0.35) this.#direct(alice, {caller: 'alice', action: 'write', batchSize: 0});
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
    const {random, nodes} = this.#options;
    const {caller, action, batchSize} = options;
    const targets = nodes.filter(() => random.chance(0.5));
    const task = `task-${this.#task++}`;
    if (targets.length === 0) return;
    this.#run(`${caller} asks ${targets.length} nodes to ${action} ${task}`, async () => {
      const statistics = await this.#ask(client, {caller, action, batchSize, task, targets});
      return `${statistics.ok} ok, ${statistics.failed} refused, ${statistics.noResponses.length} silent`;
    });
  }

  async #ask(
    client: FleetClient,
    asked: {
      readonly caller: string;
      readonly action: string;
      readonly batchSize: number;
      readonly task: string;
      readonly targets: readonly string[];
    },
  ): Promise<RequestStatistics> {
    const {caller, action, batchSize, task, targets} = asked;
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
    this.#options.checks.ended({
      requestId: statistics.requestId,
      task,
      callerId: `choria=${caller}.mcollective`,
      asked: targets,
      answered,
      silent: statistics.noResponses,
    });
    return statistics;
  }

  /** In three steps, and no further when half of the nodes failed or were silent. */
  #ramp(client: FleetClient): void {
    const {random, nodes, checks, files, timeline} = this.#options;
    const targets = nodes.filter(() => random.chance(0.6));
    const task = `task-${this.#task++}`;
    if (targets.length < 3) return;
    this.#run(`alice asks ${targets.length} nodes in steps to write ${task}`, async () => {
      const path = rampPath('/root/choria', task);
      const plan = planRamp(targets, {ramp: '1,50%,100%', stopOnFailures: '50%'});
      const record = {
        agent: 'ledger',
        action: 'write',
        collective: 'mcollective',
        startedAtMs: timeline.nowMs,
        plan,
        asked: 0,
      };
      const asked: string[] = [];
      let bad = 0;
      const {state} = await runRamp(record, {
        files,
        path,
        request: async (step) => {
          const isTooMany = asked.length > 0 && bad * 2 > asked.length;
          checks.hold(!isTooMany, {
            rule: 'a ramp stops',
            text: `${task} went on after ${bad} of ${asked.length} nodes failed`,
          });
          const twice = step.filter((node) => asked.includes(node));
          checks.hold(twice.length === 0, {rule: 'a ramp asks each node once', text: `${task}: ${twice.join(', ')}`});
          asked.push(...step);
          const statistics = await this.#ask(client, {
            caller: 'alice',
            action: 'write',
            batchSize: 0,
            task,
            targets: step,
          });
          bad += step.length - statistics.ok;
          return statistics;
        },
      });
      checks.hold(asked.length <= targets.length, {rule: 'a ramp asks each node once', text: task});
      return `${state.status} after ${state.asked}: ${state.ok} ok, ${state.failures} not`;
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
    this.#open.set(number, timeline.nowMs);
    history.add(timeline.nowMs, {kind: 'request', text: `${number} ${text}`});
    act()
      .catch((error: unknown) => `failed: ${errorMessage(error).split('\n')[0] ?? ''}`)
      .then((outcome) => {
        this.#open.delete(number);
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
