/**
 * The audit trail: one JSON line for each action that is about to run.
 *
 * Nothing runs when an entry that was asked for cannot be written, also when nobody said where to. Vectors: `agents/audit.json`.
 */
import {type AuditFile, createAuditFile} from '../lib/audit-file.ts';
import {errorMessage} from '../lib/errors.ts';
import {stringifyGo} from '../lib/go-json.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import type {Config} from '../config/types.ts';
import {RpcError} from './errors.ts';
import {auditDataBytesMax, groupLookupMs} from './limits.ts';
import type {Auditor, RpcRequest} from './types.ts';

const defaultMode = 0o600;

/**
 * @returns undefined when `rpcaudit` is off
 */
export async function createAuditor(
  config: Config,
  options: {readonly platform: Pick<Platform, 'files' | 'clock' | 'names'>; readonly logger: Logger},
): Promise<Auditor | undefined> {
  const {platform, logger} = options;
  if (!config.get('rpcaudit')) return undefined;
  const path = config.get('plugin.rpcaudit.logfile');
  if (path === '') {
    const problem = 'auditing is on and "plugin.rpcaudit.logfile" is not set: set it, or switch "rpcaudit" off';
    logger.error(`No request will run: ${problem}`);
    return {record: () => Promise.reject(new RpcError('ERR_AUDIT_WRITE', `Cannot write the audit log: ${problem}`))};
  }
  return createFileAuditor({
    platform,
    path,
    mode: parseMode(config.get('plugin.rpcaudit.logfile.mode'), logger),
    bytesMax: config.get('plugin.rpcaudit.logfile.max_megabytes') * 1_048_576,
    keep: config.get('plugin.rpcaudit.logfile.keep'),
    group: config.get('plugin.rpcaudit.logfile.group').trim(),
  });
}

function parseMode(text: string, logger: Logger): number {
  if (text === '') return defaultMode;
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  logger.warn(`Cannot use "plugin.rpcaudit.logfile.mode": ${JSON.stringify(text)} is not an octal mode, using 0600`);
  return defaultMode;
}

type AuditPlatform = Pick<Platform, 'files' | 'clock'> & Partial<Pick<Platform, 'names'>>;

export function createFileAuditor(options: {
  readonly platform: AuditPlatform;
  readonly path: string;
  readonly mode: number;
  /** 0: the file is never rotated by us. */
  readonly bytesMax?: number;
  readonly keep?: number;
  /** New files belong to this group; empty: to the one of this process. */
  readonly group?: string;
}): Auditor {
  const {platform, path, group = '', ...rotation} = options;
  const file: AuditFile = createAuditFile({
    files: platform.files,
    path,
    ...rotation,
    ...(group === '' ? {} : {prepare: (created) => giveToGroup(created, {group, platform})}),
  });
  return {
    record: async (request) => {
      const line = formatAuditLine(request, platform.clock.nowMs());
      try {
        await file.append(line);
      } catch (error) {
        throw new RpcError('ERR_AUDIT_WRITE', `Cannot write the audit log "${path}": ${errorMessage(error)}`, {
          cause: error,
          details: {path},
        });
      }
    },
  };
}

/** Whoever reads the trail may be only in that group: without it the trail that was asked for is not there. */
async function giveToGroup(
  path: string,
  {group, platform}: {readonly group: string; readonly platform: AuditPlatform},
): Promise<void> {
  const {clock, files, names} = platform;
  if (names?.groupId === undefined || files.changeGroup === undefined) throw new Error('this system has no groups');
  const limit = new AbortController();
  const timer = clock.setTimer(
    () => limit.abort(new Error(`the group ${JSON.stringify(group)} was not found in ${groupLookupMs} ms`)),
    groupLookupMs,
  );
  let id: number | undefined;
  try {
    id = await names.groupId(group, {signal: limit.signal});
  } finally {
    timer.cancel();
  }
  if (id === undefined) {
    throw new Error(`there is no group ${JSON.stringify(group)}, which "plugin.rpcaudit.logfile.group" names`);
  }
  await files.changeGroup(path, id);
}

/** One line without its end; keys in the order that readers of existing logs know. */
export function formatAuditLine(request: RpcRequest, nowMs: number): string {
  const data = stringifyGo(withoutSecrets(request.agent, request.rawData ?? request.data));
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

/** Inputs that prove or open something: who reads the trail must not be able to use them. */
const secretInputs: ReadonlySet<string> = new Set([
  'passphrase',
  'passwd',
  'password',
  'private_key',
  'secret',
  'seed',
  'token',
]);
const secretInputsOf: Readonly<Record<string, readonly string[]>> = {
  aaa_signer: ['signature'],
  choria_provision: ['key'],
};

function withoutSecrets(agent: string, data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data;
  const isSecret = (name: string): boolean =>
    secretInputs.has(name.toLowerCase()) ||
    (Object.hasOwn(secretInputsOf, agent) && secretInputsOf[agent]?.includes(name) === true);
  const entries = Object.entries(data);
  if (!entries.some(([name]) => isSecret(name))) return data;
  return Object.fromEntries(entries.map(([name, value]) => [name, isSecret(name) ? '*****' : (value as unknown)]));
}
