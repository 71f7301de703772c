/** Pings nodes that gave no sign, each at its own subject: whoever answers is alive, and says whether it would have given reasons. */
import {setPatientTimer} from '../../lib/patient-timer.ts';
import {wantsNotes} from '../../protocol/index.ts';
import {clientLimits} from './limits.ts';
import {noteWish} from './note-wish.ts';
import type {Messenger} from './types.ts';

const agent = 'discovery';

export interface KnockOptions {
  readonly identities: readonly string[];
  readonly collective: string;
  readonly ttlSeconds: number;
}

/** The nodes that answered: `ours` tell their reasons, `other` programs do not. */
export async function knock(
  messenger: Messenger,
  options: KnockOptions,
): Promise<ReadonlyMap<string, 'ours' | 'other'>> {
  const {collective, ttlSeconds} = options;
  const identities = options.identities.slice(0, clientLimits.pinnedTargetsMax);
  const found = new Map<string, 'ours' | 'other'>();
  const id = messenger.newRequestId();
  const filter = {facts: [], classes: [], agents: [], identities, compounds: []};
  const sealed = await messenger.seal({id, agent, collective, filter, ttlSeconds, body: Buffer.from('ping')});
  const replyTo = messenger.replySubject({collective: messenger.mainCollective, requestId: id});
  await new Promise<void>((resolve) => {
    const timer = setPatientTimer(messenger.clock, end, clientLimits.knockMs);
    const subscription = messenger.connection.subscribe(replyTo, ({payload, headers}) => {
      const sender = senderOf(messenger, payload);
      if (sender === undefined || !identities.includes(sender)) return;
      found.set(sender, wantsNotes(headers) ? 'ours' : 'other');
      if (found.size === identities.length) end();
    });
    function end(): void {
      timer.cancel();
      subscription.unsubscribe();
      resolve();
    }
    const transport = sealed.transport({replyTo});
    for (const identity of identities) {
      messenger.connection.publish(messenger.nodeSubject({collective, identity}), transport, noteWish);
    }
  });
  return found;
}

function senderOf(messenger: Messenger, payload: Buffer): string | undefined {
  if (payload.length === 0 || payload.length > clientLimits.replyBytesMax) return undefined;
  try {
    return messenger.peekSender(payload);
  } catch {
    // Anything may arrive in an inbox; what is no answer is none.
    return undefined;
  }
}
