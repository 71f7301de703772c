/**
 * Who of the nodes asked can answer at all, and why the others were silent.
 *
 * Three sources, each of which may be missing: the broker's word on who is connected, asked right before each batch is sent; the notes
 * that nodes of this program send; and, when a person wants to know, a knock at those that gave no sign.
 */
import {isFinalNote, type InterestAnswer, type NodeNote, protocolLimits} from '../../protocol/index.ts';
import type {Filter} from '../../protocol/types.ts';
import {knock} from './knock.ts';
import {splitBatches} from './targets.ts';
import type {Silence, SilenceReason} from './silence.ts';
import {silenceOfNote} from './silence.ts';
import type {Messenger} from './types.ts';

export interface AttendanceOptions {
  readonly agent: string;
  readonly collective: string;
  readonly ttlSeconds: number;
  readonly filter: Filter;
  /** How long the broker may take; nothing waits for it but the reasons. */
  readonly timeoutMs: number;
}

export class Attendance {
  readonly #messenger: Messenger;
  readonly #options: AttendanceOptions;
  readonly #notes = new Map<string, Silence>();
  readonly #absent = new Set<string>();
  readonly #notPermitted = new Set<string>();
  readonly #reconnectsAtStart: number;
  #knowsConnected = false;

  constructor(messenger: Messenger, options: AttendanceOptions) {
    this.#messenger = messenger;
    this.#options = options;
    this.#reconnectsAtStart = messenger.connection.stats.reconnects;
  }

  /** Whether the broker ever said who is connected. */
  get knowsConnected(): boolean {
    return this.#knowsConnected;
  }

  /**
   * Asks which of these nodes are connected. The question is sent before this returns, so that what is published next reaches exactly the
   * connections that it counted.
   *
   * @returns those that are not; none when the broker does not say
   */
  async findAbsent(targets: readonly string[]): Promise<readonly string[]> {
    const questions = splitBatches(targets, protocolLimits.interestIdentitiesMax).map(async (identities) => {
      const answer = await this.#ask({identities, agents: []});
      if (answer?.connected === undefined) return [];
      this.#knowsConnected = true;
      const connected = new Set(answer.connected);
      return identities.filter((identity) => !connected.has(identity));
    });
    const absent = (await Promise.all(questions)).flat();
    for (const identity of absent) this.#absent.add(identity);
    return absent;
  }

  /** It said that it waits or works. */
  isBusy(identity: string): boolean {
    return this.#notes.has(identity);
  }

  /** Not connected when it was asked. */
  wasAbsent(identity: string): boolean {
    return this.#absent.has(identity);
  }

  /** Keeps what a node said; true when it will not say anything else. */
  noted(note: NodeNote): boolean {
    const silence = silenceOfNote(note, this.#messenger.clock.nowMs());
    // A filter that only repeats who is asked and of what can fail for one thing only.
    const isAgent = note.reason === 'filtered' && namesOnlyTargets(this.#options.filter);
    this.#notes.set(note.identity, isAgent ? {...silence, reason: 'no-agent'} : silence);
    return isFinalNote(note.reason);
  }

  /** The broker did not let the request through to this node. */
  refused(identity: string): void {
    this.#notPermitted.add(identity);
  }

  /** A node that answered after all. */
  answered(identity: string): void {
    this.#notes.delete(identity);
    this.#absent.delete(identity);
    this.#notPermitted.delete(identity);
  }

  /**
   * @param silent  those that did not answer
   * @param options.asked  whether the request was sent to a node at all
   * @param options.knocks  whether to knock at those that gave no sign
   */
  async explain(
    silent: readonly string[],
    options: {readonly asked: (identity: string) => boolean; readonly knocks: boolean},
  ): Promise<readonly Silence[]> {
    if (silent.length === 0) return [];
    const open = silent.filter((identity) => this.#knownReason(identity, options.asked) === undefined);
    const now = open.length === 0 ? undefined : await this.#askNow(open);
    const reasons = new Map(open.map((identity) => [identity, this.#reasonNow(identity, now)]));
    const quiet = open.filter((identity) => reasons.get(identity) === 'unresponsive');
    if (options.knocks && quiet.length > 0) {
      for (const [identity, found] of await knock(this.#messenger, {...this.#options, identities: quiet})) {
        reasons.set(identity, found === 'ours' ? 'no-word' : 'other-version');
      }
    }
    return silent.map(
      (identity) =>
        this.#knownReason(identity, options.asked) ?? {identity, reason: reasons.get(identity) ?? 'unknown'},
    );
  }

  #knownReason(identity: string, asked: (identity: string) => boolean): Silence | undefined {
    if (!asked(identity)) return {identity, reason: 'not-asked'};
    if (this.#notPermitted.has(identity)) return {identity, reason: 'not-permitted'};
    const note = this.#notes.get(identity);
    if (note !== undefined && note.reason !== 'running' && note.reason !== 'waiting') return note;
    return this.#absent.has(identity) ? {identity, reason: 'not-connected'} : undefined;
  }

  #reasonNow(
    identity: string,
    now: {readonly connected: ReadonlySet<string>; readonly withAgent: ReadonlySet<string> | undefined} | undefined,
  ): SilenceReason {
    const note = this.#notes.get(identity);
    if (now !== undefined && !now.connected.has(identity)) return this.#knowsConnected ? 'lost' : 'not-connected';
    if (note !== undefined) return note.reason;
    if (this.#messenger.connection.stats.reconnects > this.#reconnectsAtStart) return 'link-lost';
    if (now === undefined) return 'unknown';
    return now.withAgent === undefined || now.withAgent.has(identity) ? 'unresponsive' : 'not-subscribed';
  }

  async #askNow(
    identities: readonly string[],
  ): Promise<
    {readonly connected: ReadonlySet<string>; readonly withAgent: ReadonlySet<string> | undefined} | undefined
  > {
    const {agent} = this.#options;
    const answers = await Promise.all(
      splitBatches(identities, protocolLimits.interestIdentitiesMax).map((some) =>
        this.#ask({identities: some, agents: [agent], list: true}),
      ),
    );
    const known = answers.filter((answer) => answer?.connected !== undefined);
    if (known.length < answers.length) return undefined;
    const withAgent = known.find((answer) => answer?.identities !== undefined)?.identities;
    return {
      connected: new Set(known.flatMap((answer) => answer?.connected ?? [])),
      withAgent: withAgent === undefined ? undefined : new Set(withAgent),
    };
  }

  /** An answer that does not speak for all brokers is none. */
  async #ask(query: {
    readonly identities: readonly string[];
    readonly agents: readonly string[];
    readonly list?: boolean;
  }): Promise<InterestAnswer | undefined> {
    const {collective, timeoutMs} = this.#options;
    const {connection} = this.#messenger;
    if (this.#messenger.interest === undefined || connection.state !== 'connected') return undefined;
    try {
      const answer = await this.#messenger.interest({collective, ...query}, {timeoutMs});
      return answer?.complete === true ? answer : undefined;
    } catch {
      // Names that no broker can be asked about, or a connection that just ended: nothing is known then.
      return undefined;
    }
  }
}

function namesOnlyTargets(filter: Filter): boolean {
  return filter.facts.length + filter.classes.length + filter.compounds.length + filter.identities.length === 0;
}
