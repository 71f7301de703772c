/** The ping to the `discovery` agent: what broadcast discovery and `choria ping` send. */
import {ConnectError} from '../connect/index.ts';
import type {DiscoveryProbe, ProbeOutcome} from '../discovery/index.ts';
import {type InterestAnswer, isResent, type NodeNote, readNote} from '../protocol/index.ts';
import {
  checkRights,
  clientLimits,
  describeSilence,
  isUnfiltered,
  isUsableIdentity,
  type Messenger,
  noteWish,
  RequestError,
  RollCall,
} from '../rpc/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';

const discoveryAgent = 'discovery';

export interface ProbeOptions {
  readonly messenger: (options: {readonly timeoutMs: number; readonly signal: AbortSignal}) => Promise<Messenger>;
  readonly logger: Logger;
  readonly ttlSeconds: number;
  /** `plugin.choria.require_client_filter`. */
  readonly requireFilter: boolean;
  /** Words for a person: doubts about the answer. */
  readonly notice: (text: string) => void;
  /** Called right before the ping is published. */
  readonly publishing?: () => void;
}

export function createProbe(options: ProbeOptions): DiscoveryProbe {
  return {
    send: async (request, onAnswer) => {
      if (options.requireFilter && isUnfiltered(request.filter)) {
        throw new RequestError(
          'ERR_REQUEST_UNFILTERED',
          'could not perform request: cannot create a Request Transport, requests without filters have been disabled',
        );
      }
      const messenger = await options.messenger(request);
      const id = messenger.newRequestId();
      const {collective, filter, timeoutMs} = request;
      const watch = new Watch(messenger, {collective, timeoutMs});
      const sealed = await messenger.seal({
        id,
        agent: discoveryAgent,
        collective,
        filter,
        ttlSeconds: options.ttlSeconds,
        body: Buffer.from('ping'),
      });
      const replyTo = messenger.replySubject({collective, requestId: id});
      const subscription = messenger.connection.subscribe(replyTo, ({payload, headers}) => {
        if (payload.length === 0) {
          watch.noted(readNote(headers), id);
          return;
        }
        const sender = readSender(messenger, payload, options.logger);
        if (sender === undefined) return;
        // A server whose link came back gives its last answers once more, and says so.
        if (watch.hasAnswered(sender) && isResent(headers)) return;
        onAnswer(sender);
        watch.answered(sender);
      });
      const subject = messenger.agentSubject({collective, agent: discoveryAgent});
      options.publishing?.();
      try {
        if (request.asksWhoListens !== false) watch.askWhoListens();
        publish({messenger, id, subject}, (federation) => sealed.transport({replyTo, ...federation}));
        // A broker that is too busy to confirm may still carry it: the window is what decides.
        await messenger.connection.flush({timeoutMs}).catch((error: unknown) => {
          if (!(error instanceof ConnectError && error.code === 'ERR_FLUSH_TIMEOUT')) throw error;
          options.notice(`The broker did not confirm that it took the question: ${errorMessage(error)}`);
        });
        const {federations} = messenger;
        const shared =
          federations.length === 0 ? [subject] : federations.map((name) => messenger.federationSubject(name));
        checkRights(messenger, {replyTo, shared});
      } catch (error) {
        subscription.unsubscribe();
        throw error;
      }
      return {
        over: watch.over,
        outcome: () => watch.outcome(),
        stop: () => subscription.unsubscribe(),
      };
    },
  };
}

/** Knows when everybody who listens has answered, where the broker says who that is. */
class Watch {
  readonly over: Promise<void>;
  readonly #messenger: Messenger;
  readonly #options: {readonly collective: string; readonly timeoutMs: number};
  readonly #rollCall = new RollCall();
  #end = (): void => undefined;

  constructor(messenger: Messenger, options: {readonly collective: string; readonly timeoutMs: number}) {
    this.#messenger = messenger;
    this.#options = options;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The question goes out before this returns, so that the ping behind it reaches those that the broker counted. */
  askWhoListens(): void {
    this.#ask({list: true}, (answer) => this.#rollCall.expect(answer));
  }

  #ask(query: {readonly list: boolean}, tell: (answer: InterestAnswer | undefined) => void): void {
    const {collective, timeoutMs} = this.#options;
    this.#messenger.interest?.({collective, ...query}, {timeoutMs}).then(
      (answer) => {
        tell(answer);
        this.#check();
      },
      // A broker that cannot say who listens leaves it to the time to end this.
      () => undefined,
    );
  }

  hasAnswered(identity: string): boolean {
    return this.#rollCall.hasAnswered(identity);
  }

  answered(identity: string): void {
    this.#rollCall.answered(identity);
    this.#check();
  }

  noted(note: NodeNote | undefined, requestId: string): void {
    if (note === undefined || note.requestId !== requestId) return;
    this.#rollCall.noted(note, this.#messenger.clock.nowMs());
    this.#check();
  }

  outcome(): ProbeOutcome {
    const {isKnown, complete, missing, unnamedMissing} = this.#rollCall.outcome();
    return {
      isKnown,
      complete,
      ...(unnamedMissing === 0 ? {} : {unnamedMissing}),
      missing: missing.map((silence) => ({
        identity: silence.identity,
        reason: silence.reason,
        words: describeSilence(silence),
      })),
    };
  }

  #check(): void {
    const rollCall = this.#rollCall;
    if (rollCall.isOver) this.#end();
    else if (rollCall.takeRecount()) this.#ask({list: false}, (answer) => rollCall.recounted(answer));
  }
}

function publish(
  ping: {readonly messenger: Messenger; readonly id: string; readonly subject: string},
  transport: (federation: {federation?: {requestId: string; targets: readonly string[]}}) => Buffer,
): void {
  const {messenger, id, subject} = ping;
  if (messenger.federations.length === 0) {
    messenger.connection.publish(subject, transport({}), noteWish);
    return;
  }
  const wrapped = transport({federation: {requestId: id, targets: [subject]}});
  for (const name of messenger.federations) {
    messenger.connection.publish(messenger.federationSubject(name), wrapped);
  }
}

/** The sender of an answer; undefined, with a word, for what is none. */
function readSender(messenger: Messenger, payload: Buffer, logger: Logger): string | undefined {
  if (payload.length === 0 || payload.length > clientLimits.replyBytesMax) return undefined;
  try {
    const sender = messenger.peekSender(payload);
    if (sender !== undefined && isUsableIdentity(sender)) return sender;
    logger.debug('Ignored an answer to discovery: it names no sender that can exist');
  } catch (error) {
    logger.debug(`Ignored an answer to discovery: ${errorMessage(error)}`);
  }
  return undefined;
}
