/**
 * The audit trail: one JSON line for each action that is about to run.
 *
 * The file is opened for each entry, so that it may be rotated at any time. Nothing runs when an entry that was asked for cannot be
 * written. Vectors: `agents/audit.json`.
 */
import {errorMessage} from '../lib/errors.ts';
import {stringifyGo} from '../lib/go-json.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import type {Config} from '../config/types.ts';
import {RpcError} from './errors.ts';
import {auditDataBytesMax} from './limits.ts';
import type {Auditor, RpcRequest} from './types.ts';

const defaultMode = 0o600;

/**
 * @returns undefined when `rpcaudit` is off
 */
export async function createAuditor(
  config: Config,
  options: {readonly platform: Pick<Platform, 'files' | 'clock'>; readonly logger: Logger},
): Promise<Auditor | undefined> {
  const {platform, logger} = options;
  if (!config.get('rpcaudit')) return undefined;
  const path = config.get('plugin.rpcaudit.logfile');
  if (path === '') {
    logger.warn('Auditing is on but "plugin.rpcaudit.logfile" is not set: nothing will be audited');
    return {record: () => Promise.resolve()};
  }
  const mode = parseMode(config.get('plugin.rpcaudit.logfile.mode'), logger);
  return createFileAuditor({platform, path, mode});
}

function parseMode(text: string, logger: Logger): number {
  if (text === '') return defaultMode;
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  logger.warn(`Cannot use "plugin.rpcaudit.logfile.mode": ${JSON.stringify(text)} is not an octal mode, using 0600`);
  return defaultMode;
}

export function createFileAuditor(options: {
  readonly platform: Pick<Platform, 'files' | 'clock'>;
  readonly path: string;
  readonly mode: number;
}): Auditor {
  const {platform, path, mode} = options;
  return {
    record: async (request) => {
      const line = formatAuditLine(request, platform.clock.nowMs());
      try {
        const handle = await platform.files.openAppend(path, {mode});
        try {
          await handle.append(Buffer.from(`${line}\n`, 'utf8'));
        } finally {
          await handle.close();
        }
      } catch (error) {
        throw new RpcError('ERR_AUDIT_WRITE', `Cannot write the audit log "${path}": ${errorMessage(error)}`, {
          cause: error,
          details: {path},
        });
      }
    },
  };
}

/** One line without its end; keys in the order that readers of existing logs know. */
export function formatAuditLine(request: RpcRequest, nowMs: number): string {
  const data = stringifyGo(request.rawData ?? request.data);
  const entry = stringifyGo({
    timestamp: new Date(nowMs).toISOString().replace('Z', '000+0000'),
    request_id: request.requestId,
    request_time: Math.floor(request.sentAtMs / 1000),
    caller: request.callerId,
    sender: request.senderId,
    agent: request.agent,
    action: request.action,
  });
  const kept =
    Buffer.byteLength(data, 'utf8') <= auditDataBytesMax
      ? data
      : stringifyGo({choria_audit_omitted_bytes: Buffer.byteLength(data, 'utf8')});
  return `${entry.slice(0, -1)},"data":${kept}}`;
}
