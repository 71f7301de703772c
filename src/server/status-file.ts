/**
 * The status file that `choria tool status` and monitoring read: one line of JSON in the reference's key order.
 *
 * It is replaced as a whole, so a reader never sees half of it. A disk that cannot be written is logged, and tried again at the next
 * interval. Rules: server.md 7; vectors: agents/status.json.
 */
import type {Logger} from '../lib/logger.ts';
import type {Clock, Files, TimerHandle} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import type {ServerStatistics} from '../rpc/types.ts';

export interface ServerStatus {
  readonly identity: string;
  readonly uptimeSeconds: number;
  /** Undefined while disconnected. */
  readonly connectedServer: string | undefined;
  readonly lastMessageAtMs: number | undefined;
  readonly provisioning: boolean;
  readonly statistics: ServerStatistics;
  readonly certificateExpiresAtMs: number | undefined;
  readonly tokenExpiresAtMs: number | undefined;
}

/** The year 1: how the format says that there is no such date. */
const never = '0001-01-01T00:00:00Z';

export function encodeStatus(status: ServerStatus): string {
  const {statistics} = status;
  return JSON.stringify({
    identity: status.identity,
    uptime: status.uptimeSeconds,
    connected_server: status.connectedServer ?? '',
    last_message: status.lastMessageAtMs === undefined ? 0 : Math.floor(status.lastMessageAtMs / 1000),
    provisioning_mode: status.provisioning,
    stats: {
      total: statistics.total,
      valid: statistics.validated,
      invalid: statistics.unvalidated,
      passed: statistics.passed,
      filtered: statistics.filtered,
      replies: statistics.replies,
      ttlexpired: statistics.ttlExpired,
      events: statistics.events,
    },
    certificate_expires: dateText(status.certificateExpiresAtMs),
    token_expires: dateText(status.tokenExpiresAtMs),
  });
}

function dateText(atMs: number | undefined): string {
  return atMs === undefined ? never : new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

export interface StatusWriter {
  stop(): Promise<void>;
}

export function startStatusWriter(options: {
  readonly path: string;
  readonly intervalMs: number;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly status: () => ServerStatus;
}): StatusWriter {
  const {path, intervalMs, files, clock, logger} = options;
  let timer: TimerHandle | undefined;
  let writing: Promise<void> = Promise.resolve();
  let stopped = false;
  let failing = false;

  const write = async (): Promise<void> => {
    try {
      await files.writeAtomic(path, `${encodeStatus(options.status())}\n`, {mode: 0o644});
      failing = false;
    } catch (error) {
      // Once for each outage: the next one comes in half a minute.
      if (!failing) logger.error(`Could not write the status file ${path}: ${errorMessage(error)}`);
      failing = true;
    }
    if (!stopped) timer = clock.setTimer(turn, intervalMs, {background: true});
  };
  const turn = (): void => {
    writing = write();
  };
  turn();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await writing;
    },
  };
}
