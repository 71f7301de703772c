/**
 * The directory of messages that wait to be published: one folder for each priority, one file for each message.
 *
 * A message appears under its name when it is whole and on disk, name included, so nobody ever reads half of one and no power cut takes
 * what was accepted. The names of one process rise, also when its clock goes back.
 */
import {join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import {newUuid} from '../lib/ids.ts';
import type {Platform} from '../lib/platform.ts';
import {SubmissionError} from './errors.ts';
import {submissionLimits} from './limits.ts';
import {checkMessage, encodeMessage, type SubmissionMessage} from './message.ts';

/** What a program gives; the rest has usual values. */
export interface NewSubmission {
  readonly subject: string;
  readonly payload: Buffer;
  readonly sender: string;
  readonly identity?: string;
  readonly reliable?: boolean;
  readonly priority?: number;
  readonly ttlMs?: number;
  readonly maxTries?: number;
  readonly sign?: boolean;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
}

export interface SubmissionSpool {
  readonly directory: string;
  /**
   * @returns the id of the message, which is on disk then
   * @throws {SubmissionError}
   */
  submit(message: NewSubmission): Promise<string>;
}

export function priorityDirectory(directory: string, priority: number): string {
  return join(directory, `P${priority}`);
}

/**
 * @param options.messagesMax of one priority
 * @throws {SubmissionError} `ERR_SUBMISSION_SPOOL` when the directories cannot be made
 */
export async function createSubmissionSpool(options: {
  readonly platform: Pick<Platform, 'files' | 'clock' | 'random'>;
  readonly directory: string;
  readonly messagesMax: number;
}): Promise<SubmissionSpool> {
  const {platform, directory, messagesMax} = options;
  const {files, clock, random} = platform;
  await prepare(options);
  let lastNs = 0n;
  return {
    directory,
    async submit(message) {
      const nowMs = clock.nowMs();
      const createdNs = BigInt(nowMs) * 1_000_000n;
      const complete: SubmissionMessage = {
        id: newUuid(random),
        subject: message.subject,
        payload: message.payload,
        reliable: message.reliable ?? false,
        priority: message.priority ?? submissionLimits.priorities - 1,
        createdMs: nowMs,
        createdNs,
        ttlMs: message.ttlMs ?? submissionLimits.ttlMs,
        maxTries: message.maxTries ?? submissionLimits.triesMax,
        tries: 0,
        nextTryMs: 0,
        sender: message.sender,
        identity: message.identity ?? '',
        sign: message.sign ?? false,
        headers: message.headers ?? {},
      };
      checkMessage(complete, nowMs);
      const place = priorityDirectory(directory, complete.priority);
      const waiting = (await files.list(place)).filter((entry) => entry.name.endsWith('.msg')).length;
      if (waiting >= messagesMax) throw new SubmissionError('ERR_SUBMISSION_FULL', 'spool is full');
      lastNs = createdNs > lastNs ? createdNs : lastNs + 1n;
      const name = `${lastNs}-${complete.id}.msg`;
      try {
        await files.writeAtomic(join(place, name), encodeMessage(complete), {mode: 0o600});
      } catch (cause) {
        throw new SubmissionError(
          'ERR_SUBMISSION_SPOOL',
          `Cannot write to the spool ${directory}: ${errorMessage(cause)}`,
          {cause},
        );
      }
      return complete.id;
    },
  };
}

async function prepare(options: {
  readonly platform: Pick<Platform, 'files' | 'clock'>;
  readonly directory: string;
}): Promise<void> {
  const {platform, directory} = options;
  const {files} = platform;
  try {
    for (let priority = 0; priority < submissionLimits.priorities; priority++) {
      await files.makeDirectory(priorityDirectory(directory, priority), {mode: 0o700, recursive: true});
    }
    const info = await files.stat(directory);
    if ((info.mode & 0o002) !== 0) throw new Error('everybody may write to it');
    const places = Array.from({length: submissionLimits.priorities}, (_, priority) =>
      priorityDirectory(directory, priority),
    );
    for (const place of [directory, ...places]) await removeLitter(place, platform);
  } catch (cause) {
    throw new SubmissionError('ERR_SUBMISSION_SPOOL', `Cannot use the spool ${directory}: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

/** What writers left behind that died before it had its name. */
async function removeLitter(directory: string, platform: Pick<Platform, 'files' | 'clock'>): Promise<void> {
  const {files, clock} = platform;
  for (const entry of await files.list(directory)) {
    const path = join(directory, entry.name);
    if (entry.kind !== 'file' || !/^\..*\.(?:msg|tmp)$/.test(entry.name)) continue;
    const {modifiedAtMs} = await files.lstat(path);
    if (clock.nowMs() - modifiedAtMs > submissionLimits.litterMs) await files.remove(path);
  }
}
