/** The ping to the `discovery` agent: what broadcast discovery and `choria ping` send. */
import type {DiscoveryProbe} from '../discovery/index.ts';
import {clientLimits, isUnfiltered, isUsableIdentity, type Messenger, RequestError} from '../rpc/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';

const discoveryAgent = 'discovery';

export interface ProbeOptions {
  readonly messenger: (options: {readonly timeoutMs: number; readonly signal: AbortSignal}) => Promise<Messenger>;
  readonly logger: Logger;
  readonly ttlSeconds: number;
  /** `plugin.choria.require_client_filter`. */
  readonly requireFilter: boolean;
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
      const {collective, filter} = request;
      const sealed = await messenger.seal({
        id,
        agent: discoveryAgent,
        collective,
        filter,
        ttlSeconds: options.ttlSeconds,
        body: Buffer.from('ping'),
      });
      const replyTo = messenger.replySubject({collective, requestId: id});
      const subscription = messenger.connection.subscribe(replyTo, ({payload}) => {
        const sender = readSender(messenger, payload, options.logger);
        if (sender !== undefined) onAnswer(sender);
      });
      const subject = messenger.agentSubject({collective, agent: discoveryAgent});
      options.publishing?.();
      try {
        publish({messenger, id, subject}, (federation) => sealed.transport({replyTo, ...federation}));
        await messenger.connection.flush({timeoutMs: request.timeoutMs});
      } catch (error) {
        subscription.unsubscribe();
        throw error;
      }
      return {stop: () => subscription.unsubscribe()};
    },
  };
}

function publish(
  ping: {readonly messenger: Messenger; readonly id: string; readonly subject: string},
  transport: (federation: {federation?: {requestId: string; targets: readonly string[]}}) => Buffer,
): void {
  const {messenger, id, subject} = ping;
  if (messenger.federations.length === 0) {
    messenger.connection.publish(subject, transport({}));
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
