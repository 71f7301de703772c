/**
 * Remembers on disk which requests were accepted, so that none runs twice across a restart, also after `kill -9`.
 *
 * An append-only file with one checked line for each request. A line is on disk, synced, before the request runs; appends that come
 * together share one sync. A torn last line is a request that never ran and is dropped. A damaged line elsewhere is a request that
 * may have run: the guard is told, and refuses everything sent before.
 */
import {createHash} from 'node:crypto';
import {dirname} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import type {AppendHandle, Files} from '../lib/platform.ts';
import {ProtocolError} from './errors.ts';
import {protocolLimits} from './limits.ts';

export interface ReplayRecord {
  /** Hash of caller and request id. */
  readonly key: string;
  readonly expiresAtMs: number;
}

export interface ReplayState {
  readonly records: readonly ReplayRecord[];
  /** Every request whose life ended at or before this may have been forgotten. */
  readonly forgottenUntilMs: number;
  /** The ceiling by which lives were cut when this was written; 0 when nothing was. */
  readonly ttlCeilingSeconds: number;
  /** Requests sent until then may have run without being remembered: the next start has to know that too. */
  readonly refuseSentUntilMs?: number | undefined;
}

export interface LoadedReplayState extends ReplayState {
  /** Lines in the middle that could not be read. */
  readonly damagedLines: number;
}

/** Where a replay guard writes. Calls may overlap; the store keeps their order. */
export interface ReplayStore {
  load(): Promise<LoadedReplayState>;
  /** Resolves when the record survives a power cut. */
  append(record: ReplayRecord): Promise<void>;
  /** Replaces everything by what is still needed. */
  rewrite(state: ReplayState): Promise<void>;
  close(): Promise<void>;
}

const fileMode = 0o600;

/** @throws {ProtocolError} `ERR_REPLAY_STORE_FAILED` from every method, with the disk's error as cause */
export function createFileReplayStore(options: {readonly files: Files; readonly path: string}): ReplayStore {
  return new FileReplayStore(options.files, options.path);
}

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class FileReplayStore implements ReplayStore {
  private readonly files: Files;
  private readonly path: string;
  private handle: AppendHandle | undefined;
  private waiting: Waiting[] = [];
  /** The end of the queue of operations: each starts when the one before has ended. */
  private tail: Promise<unknown> = Promise.resolve();
  private isFlushQueued = false;
  /** After a failed append the last line may be half written; a line end in front keeps the next one whole. */
  private isTorn = false;

  constructor(files: Files, path: string) {
    this.files = files;
    this.path = path;
  }

  load(): Promise<LoadedReplayState> {
    return this.inOrder(async () => parseState(await this.readText()));
  }

  append(record: ReplayRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({line: recordLine(record), resolve, reject});
      if (this.isFlushQueued) return;
      this.isFlushQueued = true;
      void this.inOrder(() => this.flush());
    });
  }

  rewrite(state: ReplayState): Promise<void> {
    return this.inOrder(() => this.replace(state));
  }

  close(): Promise<void> {
    return this.inOrder(async () => {
      await this.handle?.close();
      this.handle = undefined;
    });
  }

  private inOrder<T>(operation: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      try {
        return await operation();
      } catch (error) {
        throw this.failed(error);
      }
    };
    const result = this.tail.then(run, run);
    // The chain itself must not break: whoever asked gets the failure through `result`.
    this.tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  private async readText(): Promise<string> {
    try {
      return (await this.files.read(this.path, {limitBytes: protocolLimits.replayFileBytesMax})).toString('latin1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  }

  /** Never rejects: each waiting caller gets its own answer. */
  private async flush(): Promise<void> {
    this.isFlushQueued = false;
    const batch = this.waiting;
    this.waiting = [];
    try {
      this.handle ??= await this.files.openAppend(this.path, {mode: fileMode});
      const text = batch.map((item) => item.line).join('');
      await this.handle.append(Buffer.from(this.isTorn ? `\n${text}` : text, 'latin1'));
      await this.handle.sync();
      this.isTorn = false;
      for (const item of batch) item.resolve();
    } catch (error) {
      this.isTorn = true;
      const failure = this.failed(error);
      for (const item of batch) item.reject(failure);
    }
  }

  private async replace(state: ReplayState): Promise<void> {
    const lines = [
      checkedLine(`F ${state.forgottenUntilMs} ${state.ttlCeilingSeconds}`),
      ...(state.refuseSentUntilMs === undefined ? [] : [checkedLine(`S ${state.refuseSentUntilMs} -`)]),
      ...state.records.map(recordLine),
    ];
    await this.files.makeDirectory(dirname(this.path), {mode: 0o750, recursive: true});
    await this.files.writeAtomic(this.path, lines.join(''), {mode: fileMode});
    await this.handle?.close();
    this.handle = undefined;
    this.isTorn = false;
  }

  private failed(error: unknown): ProtocolError {
    if (error instanceof ProtocolError) return error;
    return new ProtocolError(
      'ERR_REPLAY_STORE_FAILED',
      `Cannot remember requests in "${this.path}": ${errorMessage(error)}`,
      {stage: 'replay', cause: error, details: {path: this.path}},
    );
  }
}

/** A record without its line end: until the year 2286 a time in ms has 13 digits; keys have 30 characters, checksums 8. */
const recordCharacters = 'R '.length + 13 + 1 + 30 + 1 + 8;
/** A line with its checksum, and something where its end should be. */
const wholeAndMore = /^[RFS] \d+ [\w-]+ [0-9a-f]{8}[^]/;

/** Only appended lines can be torn, and what is torn is shorter than a whole one, whatever bits of it are flipped. */
function isTorn(rest: string): boolean {
  return rest.startsWith('R') && rest.length <= recordCharacters && !wholeAndMore.test(rest);
}

function recordLine(record: ReplayRecord): string {
  return checkedLine(`R ${record.expiresAtMs} ${record.key}`);
}

function checkedLine(content: string): string {
  return `${content} ${checksum(content)}\n`;
}

function checksum(content: string): string {
  return createHash('sha256').update(content, 'latin1').digest('hex').slice(0, 8);
}

function parseState(text: string): LoadedReplayState {
  const records: ReplayRecord[] = [];
  let forgottenUntilMs = 0;
  let damagedLines = 0;
  let ttlCeilingSeconds = 0;
  let refuseSentUntilMs: number | undefined;
  const lines = text.split('\n');
  // What follows the last line end is torn and never ran, or nothing; or a line that lost its end to a flipped bit.
  const rest = (lines.pop() ?? '').replace(/\0+$/, '');
  if (rest !== '' && !isTorn(rest)) lines.push(rest);
  for (const line of lines) {
    if (line === '') continue;
    const end = line.lastIndexOf(' ');
    const content = line.slice(0, end);
    const [kind, time = '', key] = content.split(' ');
    const timeMs = Number(time);
    if (end === -1 || checksum(content) !== line.slice(end + 1) || !Number.isSafeInteger(timeMs)) damagedLines += 1;
    else if (kind === 'R' && key !== undefined) records.push({key, expiresAtMs: timeMs});
    else if (kind === 'F') {
      forgottenUntilMs = Math.max(forgottenUntilMs, timeMs);
      ttlCeilingSeconds = Math.max(ttlCeilingSeconds, Number(key) || 0);
    } else if (kind === 'S') refuseSentUntilMs = Math.max(refuseSentUntilMs ?? 0, timeMs);
    else damagedLines += 1;
  }
  return {records, forgottenUntilMs, ttlCeilingSeconds, refuseSentUntilMs, damagedLines};
}
