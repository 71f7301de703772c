/** Judges a live connection by changed settings: it stays as it is, gets other rights, or is cut. */
import type {ClientConnection} from './client.ts';
import type {EngineCore} from './core.ts';
import {closeReasons, errorTexts} from './reasons.ts';

export async function reviewConnection(core: EngineCore, client: ClientConnection): Promise<void> {
  const {authenticator} = core;
  if (authenticator === undefined || !client.hasConnected || client.isClosing) return;
  const decision = await authenticator.authenticate(client.facts, client.claims ?? client.options);
  if (client.isClosing) return;
  if (!decision.isAdmitted || decision.account !== client.account.name) {
    core.refused(client, decision.isAdmitted ? `it belongs to the account "${decision.account}" now` : decision.reason);
    client.close(closeReasons.authenticationFailure, errorTexts.authorization);
    return;
  }
  client.grant(decision);
  for (const subscription of client.subscriptions.values()) {
    const {subject, queue} = subscription;
    if (client.permissions?.maySubscribe(subject, queue) === false) client.withdraw(subscription);
    else subscription.isFiltered = client.permissions?.needsFilter(subject, queue) ?? false;
  }
}
