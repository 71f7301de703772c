/**
 * Publishes what waits in the spool, priority by priority and oldest first.
 *
 * Reliable messages of one priority keep their order: while one waits for its next try, those behind it wait, too. A message is removed
 * after it was published, so a crash in between sends it again, under the same id, which streams know.
 */
import {join} from 'node:path';
import {backoffMs, type Connection, fiveSecondBackoff} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {parseJson} from '../lib/json.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform, TimerHandle} from '../lib/platform.ts';
import {submissionSubject} from '../protocol/index.ts';
import {submissionLimits} from './limits.ts';
import {checkMessage, decodeMessage, encodeMessage, type SubmissionMessage} from './message.ts';
import {priorityDirectory} from './spool.ts';

/** Signs in the name of this server. */
export interface SubmissionSigner {
  readonly token: string;
  sign(payload: Buffer): Buffer;
}

/** Publishes one message. `request` waits for the answer of a stream. */
export type SubmissionConnection = Pick<Connection, 'publish' | 'request' | 'state'>;

export interface DeliveryOptions {
  readonly platform: Pick<Platform, 'files' | 'clock' | 'random'>;
  readonly connection: SubmissionConnection;
  readonly logger: Logger;
  readonly directory: string;
  readonly collective: string;
  /** For messages that name none. */
  readonly identity: string;
  readonly signer?: SubmissionSigner;
}

export interface SubmissionDelivery {
  /** One look at everything that waits; also made each second by itself. */
  pass(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

export function createSubmissionDelivery(options: DeliveryOptions): SubmissionDelivery {
  return new Delivery(options);
}

class Delivery implements SubmissionDelivery {
  readonly #options: DeliveryOptions;
  #timer: TimerHandle | undefined;
  #passing: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    const {clock} = this.#options.platform;
    this.#timer = clock.setTimer(
      () => {
        void this.pass().then(() => this.start());
      },
      submissionLimits.intervalMs,
      {background: true},
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#passing;
  }

  pass(): Promise<void> {
    const pass = this.#passing.then(() => this.#passAll());
    this.#passing = pass;
    return pass;
  }

  async #passAll(): Promise<void> {
    const {connection, directory, logger} = this.#options;
    for (let priority = 0; priority < submissionLimits.priorities; priority++) {
      if (this.#isStopped || connection.state !== 'connected') return;
      try {
        await this.#passPriority(priorityDirectory(directory, priority));
      } catch (error) {
        logger.error(`Could not look at the spool of priority ${priority}: ${errorMessage(error)}`);
      }
    }
  }

  async #passPriority(directory: string): Promise<void> {
    const entries = (await this.#options.platform.files.list(directory)).filter((entry) => entry.name.endsWith('.msg'));
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    let holdsReliable = false;
    for (const entry of entries.slice(0, submissionLimits.filesPerPass)) {
      if (this.#isStopped) return;
      const path = join(directory, entry.name);
      const message = entry.kind === 'file' ? await this.#read(path) : undefined;
      if (message === undefined) {
        if (entry.kind !== 'directory')
          await this.#discard(path, entry.kind === 'file' ? 'it cannot be read' : 'it is no regular file');
        continue;
      }
      if (!message.reliable) {
        this.#publish(message);
        await this.#remove(path);
      } else if (!holdsReliable) holdsReliable = await this.#confirm(path, message);
    }
  }

  /** Undefined for what can never be sent. */
  async #read(path: string): Promise<SubmissionMessage | undefined> {
    const {files, clock} = this.#options.platform;
    try {
      const info = await files.lstat(path);
      if (info.kind !== 'file') return undefined;
      const message = decodeMessage(await files.read(path, {limitBytes: submissionLimits.fileBytesMax}));
      checkMessage(message, clock.nowMs());
      if (message.sign && this.#options.signer === undefined) throw new Error('seed file not set to sign message');
      if (message.reliable && message.tries >= Math.max(1, message.maxTries))
        throw new Error(`it was tried ${message.tries} times`);
      return message;
    } catch (error) {
      this.#options.logger.warn(`The submitted message ${path} is not sent: ${errorMessage(error)}`);
      return undefined;
    }
  }

  #publish(message: SubmissionMessage): void {
    const {connection, collective, logger} = this.#options;
    try {
      connection.publish(submissionSubject(collective, message.subject), message.payload, {
        headers: this.#headers(message),
      });
    } catch (error) {
      logger.warn(`The submitted message ${message.id} is lost: ${errorMessage(error)}`);
    }
  }

  /** @returns whether it still waits, so that those behind it wait, too */
  async #confirm(path: string, message: SubmissionMessage): Promise<boolean> {
    const {connection, collective, platform, logger} = this.#options;
    const {clock, files, random} = platform;
    if (isWaiting(message, clock.nowMs())) return true;
    try {
      const answer = await connection.request(submissionSubject(collective, message.subject), message.payload, {
        timeoutMs: submissionLimits.ackMs,
        headers: this.#headers(message),
      });
      checkAck(answer.payload);
      await this.#remove(path);
      return false;
    } catch (error) {
      const tries = message.tries + 1;
      logger.debug(`The submitted message ${message.id} was not confirmed on try ${tries}: ${errorMessage(error)}`);
      if (tries >= message.maxTries) {
        await this.#discard(path, `it was not confirmed in ${tries} tries`);
        return false;
      }
      const nextTryMs = clock.nowMs() + backoffMs(fiveSecondBackoff, tries, random);
      await files.writeAtomic(path, encodeMessage({...message, tries, nextTryMs}), {mode: 0o600});
      return true;
    }
  }

  #headers(message: SubmissionMessage): Readonly<Record<string, readonly string[]>> {
    return submissionHeaders(message, this.#options);
  }

  async #discard(path: string, reason: string): Promise<void> {
    this.#options.logger.warn(`The submitted message ${path} is discarded: ${reason}`);
    await this.#remove(path);
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#options.platform.files.remove(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** What a message is published with. */
export function submissionHeaders(
  message: SubmissionMessage,
  options: {readonly identity: string; readonly signer?: SubmissionSigner},
): Readonly<Record<string, readonly string[]>> {
  const identity = message.identity === '' ? options.identity : message.identity;
  const {signer} = options;
  return {
    ...message.headers,
    'Nats-Msg-Id': [message.id],
    'Choria-Priority': [String(message.priority)],
    'Choria-Created': [String(message.createdNs)],
    'Choria-Sender': [message.sender],
    ...(message.reliable ? {'Choria-Reliable': ['1']} : {}),
    ...(message.tries > 0 ? {'Choria-Tries': [String(message.tries)]} : {}),
    ...(identity === '' ? {} : {'Choria-Identity': [identity]}),
    ...(message.sign && signer !== undefined
      ? {'Choria-Token': [signer.token], 'Choria-Signature': [signer.sign(message.payload).toString('hex')]}
      : {}),
  };
}

/** A time further away than any wait was written under a clock that has gone back since. */
function isWaiting({nextTryMs}: SubmissionMessage, nowMs: number): boolean {
  return nextTryMs > nowMs && nextTryMs - nowMs <= submissionLimits.retryMsMax;
}

/** A stream that stored the message says where; anything else is a failure. */
function checkAck(payload: Buffer): void {
  const value = parseJson(payload, {bytesMax: 64 * 1024});
  const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  if (fields['error'] !== undefined && fields['error'] !== null) throw new Error('the stream refused it');
  if (typeof fields['stream'] !== 'string' || fields['stream'] === '')
    throw new Error('the answer is not that of a stream');
}
