/**
 * What a client remembers of its last requests: which nodes did not answer or failed, and why. For `choria why`.
 *
 * One small file for each request, private to the user, the oldest removed. Inputs and outputs are never in it: they may be secrets.
 */
import {join} from 'node:path';
import {isJsonObject, parseJson} from '../lib/json.ts';
import type {Files} from '../lib/platform.ts';
import {describeSilence, type NodeReply, type RequestStatistics} from '../rpc/index.ts';
import {clientConnectLimits} from './limits.ts';

export interface NodeTrouble {
  readonly identity: string;
  /** A reason of silence, or `denied` or `failed` for an answer that was no success. */
  readonly reason: string;
  readonly words: string;
}

export interface RequestRecord {
  readonly requestId: string;
  readonly agent: string;
  readonly action: string;
  readonly collective: string;
  readonly startedAtMs: number;
  readonly targets: number;
  readonly ok: number;
  readonly failed: number;
  /** Whether the broker said who was connected. */
  readonly knowsConnected: boolean;
  /** At most `troublesMax`; `troubleCount` counts all. */
  readonly troubles: readonly NodeTrouble[];
  readonly troubleCount: number;
}

const deniedText = 'You are not authorized';

/** What a reply that is no success means, in words; the node's own message is part of it. */
export function troubleOf(reply: NodeReply): NodeTrouble {
  const message = reply.statusMessage.slice(0, clientConnectLimits.recordTextMax);
  const trouble = (reason: string, words: string): NodeTrouble => ({
    identity: reply.sender,
    reason,
    words: `${words}: ${message}`,
  });
  switch (reply.statusCode) {
    case 1:
      if (reply.statusMessage.startsWith(deniedText)) return trouble('denied', 'denied the request by its policy');
      break;
    case 2:
      return trouble('other-agent-version', 'has the agent in a version that does not know the action');
    case 3:
    case 4:
      return trouble('inputs-refused', 'did not accept the inputs: its agent may be of another version');
    default:
  }
  return trouble('failed', `answered status ${reply.statusCode}`);
}

export function recordOf(
  statistics: RequestStatistics,
  facts: {readonly collective: string; readonly failures: readonly NodeTrouble[]},
): RequestRecord {
  const {requestId, agent, action, startedAtMs, discovered, ok, failed, knowsConnected, silences} = statistics;
  const silent = silences.map((silence) => ({
    identity: silence.identity,
    reason: silence.reason,
    words: describeSilence(silence),
  }));
  const troubles = [...silent, ...facts.failures];
  return {
    requestId,
    agent,
    action,
    collective: facts.collective,
    startedAtMs,
    targets: discovered,
    ok,
    failed,
    knowsConnected,
    troubles: troubles.slice(0, clientConnectLimits.recordTroublesMax),
    troubleCount: troubles.length,
  };
}

export interface RequestRecords {
  save(record: RequestRecord): Promise<void>;
  /** By request id, or undefined. */
  find(requestId: string): Promise<RequestRecord | undefined>;
  /** Newest first. */
  list(): Promise<readonly RequestRecord[]>;
}

export function createRequestRecords(options: {readonly files: Files; readonly directory: string}): RequestRecords {
  const {files} = options;
  const directory = join(options.directory, 'requests');
  const pathOf = (name: string): string => join(directory, name);

  /** Names begin with the time, so that they sort by it. */
  const names = async (): Promise<readonly string[]> => {
    try {
      const entries = await files.list(directory);
      return entries
        .map(({name}) => name)
        .filter((name) => /^\d{13}-[0-9A-Za-z]{1,64}\.json$/.test(name))
        .toSorted();
    } catch (error) {
      if ((error as {code?: unknown}).code === 'ENOENT') return [];
      throw error;
    }
  };
  const read = async (name: string): Promise<RequestRecord | undefined> => {
    try {
      const bytes = await files.read(pathOf(name), {limitBytes: clientConnectLimits.recordBytesMax});
      return recordFrom(parseJson(bytes, {bytesMax: clientConnectLimits.recordBytesMax, depthMax: 6}));
    } catch {
      // A record that went away or was damaged explains nothing; the others still do.
      return undefined;
    }
  };

  return {
    async save(record) {
      await files.makeDirectory(directory, {mode: 0o700, recursive: true});
      const time = String(Math.trunc(record.startedAtMs)).padStart(13, '0');
      await files.writeAtomic(pathOf(`${time}-${record.requestId}.json`), JSON.stringify(record), {mode: 0o600});
      const old = (await names()).slice(0, -clientConnectLimits.recordsMax);
      await Promise.all(old.map((name) => files.remove(pathOf(name))));
    },
    async find(requestId) {
      const name = (await names()).find((candidate) => candidate.endsWith(`-${requestId}.json`));
      return name === undefined ? undefined : read(name);
    },
    async list() {
      const all = await Promise.all((await names()).toReversed().map(read));
      return all.filter((record) => record !== undefined);
    },
  };
}

/** The file may have been written by another version or hand: what does not fit is no record. */
function recordFrom(value: unknown): RequestRecord | undefined {
  if (!isJsonObject(value)) return undefined;
  const text = (name: string): string => (typeof value[name] === 'string' ? value[name] : '');
  const count = (name: string): number => (typeof value[name] === 'number' ? value[name] : 0);
  const troubles = Array.isArray(value['troubles']) ? value['troubles'] : [];
  return {
    requestId: text('requestId'),
    agent: text('agent'),
    action: text('action'),
    collective: text('collective'),
    startedAtMs: count('startedAtMs'),
    targets: count('targets'),
    ok: count('ok'),
    failed: count('failed'),
    knowsConnected: value['knowsConnected'] === true,
    troubles: troubles.filter(isJsonObject).map((item) => ({
      identity: String(item['identity']),
      reason: String(item['reason']),
      words: String(item['words']),
    })),
    troubleCount: count('troubleCount'),
  };
}
