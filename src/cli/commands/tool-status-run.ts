/** Judges a server's status file. Rules: server.md 7; golden: `agents/status-check.json`. */
import {formatGoDurationMs} from '../../lib/duration.ts';
import {errorMessage, systemErrorText} from '../../lib/errors.ts';
import {jsonSyntaxError} from '../../lib/json-syntax.ts';
import {isJsonObject, type JsonObject, jsonField} from '../../lib/json.ts';
import type {Files} from '../../lib/platform.ts';
import {statusFileBytesMax} from '../limits.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

export interface StatusChecks {
  readonly connected: boolean;
  readonly messageWithinMs: number;
  readonly fileAgeMaxMs: number;
  readonly certificateForMs: number;
  readonly tokenForMs: number;
  readonly unprovisioned: boolean;
  readonly provisioned: boolean;
}

export interface StatusFile {
  readonly uptimeSeconds: number;
  readonly connectedServer: string;
  readonly lastMessageSeconds: number;
  readonly provisioning: boolean;
  /** Undefined where the file says the year 1: there is no such date. */
  readonly certificateExpiresAtMs: number | undefined;
  readonly tokenExpiresAtMs: number | undefined;
  readonly modifiedAtMs: number;
}

function dateField(object: JsonObject, name: string): number | undefined {
  const text = jsonField(object, name);
  if (typeof text !== 'string' || text.startsWith('0001-')) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}

function numberField(object: JsonObject, name: string): number {
  const value = jsonField(object, name);
  return typeof value === 'number' ? value : 0;
}

/** @throws {Error} whose message is what stands behind "could not be read: " */
export async function readStatusFile(files: Files, path: string): Promise<StatusFile> {
  let bytes: Buffer;
  let modifiedAtMs: number;
  try {
    ({modifiedAtMs} = await files.stat(path));
    bytes = await files.read(path, {limitBytes: statusFileBytesMax});
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const reason = systemErrorText(code);
    throw new Error(`open ${path}: ${reason === code ? errorMessage(error) : reason}`, {cause: error});
  }
  const problem = jsonSyntaxError(bytes);
  if (problem !== undefined) throw new Error(problem);
  const object = JSON.parse(bytes.toString('utf8')) as unknown;
  if (!isJsonObject(object)) throw new Error('json: expected an object that describes a server');
  const connectedServer = jsonField(object, 'connected_server');
  return {
    uptimeSeconds: numberField(object, 'uptime'),
    connectedServer: typeof connectedServer === 'string' ? connectedServer : '',
    lastMessageSeconds: numberField(object, 'last_message'),
    provisioning: jsonField(object, 'provisioning_mode') === true,
    certificateExpiresAtMs: dateField(object, 'certificate_expires'),
    tokenExpiresAtMs: dateField(object, 'token_expires'),
    modifiedAtMs,
  };
}

/** `2026-11-21 03:31:42 +0000 UTC`. */
function dateText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}

function expiryProblem(
  what: string,
  expiresAtMs: number | undefined,
  options: {readonly withinMs: number; readonly nowMs: number},
): string | undefined {
  if (expiresAtMs === undefined || options.withinMs === 0) return undefined;
  const leftMs = expiresAtMs - options.nowMs;
  if (leftMs >= options.withinMs) return undefined;
  return `${what} expires ${dateText(expiresAtMs)} (${formatGoDurationMs(Math.round(leftMs / 1000) * 1000)})`;
}

function messageProblem(status: StatusFile, withinMs: number, nowMs: number): string | undefined {
  if (withinMs === 0) return undefined;
  if (status.lastMessageSeconds === 0 && status.uptimeSeconds * 1000 < withinMs) return undefined;
  const lastMs = status.lastMessageSeconds * 1000;
  return nowMs - lastMs > withinMs ? `no recent messages: last message at ${dateText(lastMs)}` : undefined;
}

/** The first thing that is wrong, or undefined for a healthy server. */
export function checkStatus(status: StatusFile, checks: StatusChecks, nowMs: number): string | undefined {
  if (checks.fileAgeMaxMs > 0 && nowMs - status.modifiedAtMs > checks.fileAgeMaxMs) {
    return `older than ${formatGoDurationMs(checks.fileAgeMaxMs)}`;
  }
  const expiry =
    expiryProblem('certificate', status.certificateExpiresAtMs, {withinMs: checks.certificateForMs, nowMs}) ??
    expiryProblem('token', status.tokenExpiresAtMs, {withinMs: checks.tokenForMs, nowMs});
  if (expiry !== undefined) return expiry;
  if (checks.connected && status.connectedServer === '') return 'connection check failed: not connected';
  const silence = messageProblem(status, checks.messageWithinMs, nowMs);
  if (silence !== undefined) return silence;
  if (checks.provisioned && status.provisioning) return 'in provisioning mode';
  return checks.unprovisioned && !status.provisioning ? 'not in provisioning mode' : undefined;
}

export async function runToolStatus(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout} = context;
  const path = String(parsed.flags['status-file']);
  const checks: StatusChecks = {
    connected: parsed.flags['disconnected'] === true,
    messageWithinMs: Number(parsed.flags['message-since']),
    fileAgeMaxMs: Number(parsed.flags['max-age']),
    certificateForMs: Number(parsed.flags['certificate-age']),
    tokenForMs: Number(parsed.flags['token-age']),
    unprovisioned: parsed.flags['unprovisioned'] === true,
    provisioned: parsed.flags['provisioned'] === true,
  };
  let problem: string | undefined;
  try {
    problem = checkStatus(await readStatusFile(platform.files, path), checks, platform.clock.nowMs());
  } catch (error) {
    problem = `${path} could not be read: ${errorMessage(error)}`;
  }
  stdout.write(`${inertLine(path)} ${inertLine(problem ?? 'OK')}\n`);
  return problem === undefined ? 0 : 1;
}
