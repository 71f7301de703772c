/** The trail of what was signed and what was refused: to a file, and to a subject of the middleware. */
import type {AuditFile} from '../lib/audit-file.ts';
import type {Clock} from '../lib/platform.ts';
import {JsonError, parseJson} from '../lib/json.ts';
import {aaaLimits} from './limits.ts';

export interface AuditEntry {
  readonly isAllowed: boolean;
  readonly callerId: string;
  /** The request's JSON; it holds no token and no signature. */
  readonly request: string;
  readonly reason?: string;
}

/** Rejects when the entry could not be written: nothing is signed then. */
export interface RequestAuditor {
  record(entry: AuditEntry): Promise<void>;
}

/** One JSON line for each decision, as readers of existing logs know it. */
export function createFileAuditor(options: {
  readonly file: AuditFile;
  readonly site: string;
  readonly clock: Pick<Clock, 'nowMs'>;
}): RequestAuditor {
  const {file, site, clock} = options;
  return {
    record: ({isAllowed, callerId, request, reason}) =>
      file.append(
        JSON.stringify({
          action: isAllowed ? 'allow' : 'deny',
          caller: callerId,
          level: isAllowed ? 'info' : 'warning',
          msg: request,
          ...(reason === undefined ? {} : {reason}),
          site,
          time: new Date(clock.nowMs()).toISOString(),
        }),
      ),
  };
}

/** What a subject auditor needs of a connection. */
export interface AuditConnection {
  publish(subject: string, payload: Uint8Array): void;
  flush(options: {readonly timeoutMs: number}): Promise<void>;
}

/** One message for each decision; it counts as written when the broker has it. */
export function createSubjectAuditor(options: {
  readonly connection: AuditConnection;
  readonly topic: string;
  readonly site: string;
  readonly clock: Pick<Clock, 'nowMs'>;
}): RequestAuditor {
  const {connection, topic, site, clock} = options;
  return {
    async record({isAllowed, callerId, request}) {
      const message = {
        protocol: 'io.choria.signer.v1.signature_audit',
        callerid: callerId,
        action: isAllowed ? 'allow' : 'deny',
        site,
        time: Math.floor(clock.nowMs() / 1_000),
      };
      // The request is part of the document, as readers of the reference's messages expect it, in the very text that was judged.
      const text = `${JSON.stringify(message).slice(0, -1)},"request":${isJson(request) ? request : JSON.stringify(request)}}`;
      connection.publish(topic, Buffer.from(text, 'utf8'));
      await connection.flush({timeoutMs: aaaLimits.auditFlushMs});
    },
  };
}

function isJson(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch (error) {
    if (error instanceof JsonError) return false;
    throw error;
  }
}
