/** Writes down each decision about a connection before it counts. */
import type {AuditFile} from '../../lib/audit-file.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Clock} from '../../lib/platform.ts';
import type {AuthDecision, Authenticator, ConnectFields, ConnectionFacts} from './types.ts';

/** Nobody is let in whose admission could not be written; a refusal stays one. */
export function auditedAuthenticator(
  inner: Authenticator,
  options: {readonly file: AuditFile; readonly clock: Pick<Clock, 'nowMs'>; readonly logger: Logger},
): Authenticator {
  const {file, clock, logger} = options;
  return {
    isNonceNeeded: inner.isNonceNeeded,
    isAnnounced: inner.isAnnounced,
    async authenticate(facts, connect) {
      const decision = await inner.authenticate(facts, connect);
      try {
        await file.append(lineOf(decision, {facts, connect, nowMs: clock.nowMs()}));
        return decision;
      } catch (error) {
        logger.error(`Refused a connection: cannot write the audit log "${file.path}": ${errorMessage(error)}`);
        return {isAdmitted: false, reason: 'the decision could not be written to the audit log'};
      }
    },
  };
}

/** Names and addresses only: passwords and tokens are no part of it. */
function lineOf(
  decision: AuthDecision,
  seen: {readonly facts: ConnectionFacts; readonly connect: ConnectFields; readonly nowMs: number},
): string {
  const {facts, connect, nowMs} = seen;
  return JSON.stringify({
    timestamp: new Date(nowMs).toISOString().replace('Z', '000+0000'),
    action: decision.isAdmitted ? 'allow' : 'deny',
    client: facts.clientId,
    kind: facts.kind,
    address: facts.remoteAddress,
    name: connect.name ?? '',
    certificate: facts.tls?.peerCertificate?.commonName ?? '',
    ...(decision.isAdmitted
      ? {account: decision.account, user: decision.user}
      : {account: '', user: '', reason: decision.reason}),
  });
}
