/**
 * Keeps the list of revocations as it is on disk, so that taking something back needs no restart.
 *
 * A list that cannot be read or understood any more does not replace the last good one, and that is said.
 */
import {createHash} from 'node:crypto';
import {type CredentialFacts, CryptoError, parseRevocations, type Revocations} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform, TimerHandle} from '../lib/platform.ts';
import {connectLimits} from './limits.ts';

export interface RevocationWatch extends Revocations {
  stop(): void;
}

/**
 * @param options.onChange  called when the list has changed, to look again at who is connected
 * @throws {CryptoError} `ERR_REVOCATIONS_INVALID` when the list cannot be used at the start; an absent file is an empty list then
 */
export async function watchRevocations(options: {
  readonly path: string;
  readonly platform: Pick<Platform, 'files' | 'clock'>;
  readonly logger: Logger;
  readonly onChange?: () => void;
}): Promise<RevocationWatch> {
  const {path, platform, logger} = options;
  let stamp: string | undefined;
  let lastProblem = '';
  let current: Revocations = parseRevocations('', path);
  let timer: TimerHandle | undefined;
  let isStopped = false;

  const load = async (): Promise<boolean> => {
    const text = await readText(path, platform);
    // A file that was there and is gone is no reason to let everybody in again.
    if (text === undefined && stamp !== undefined) throw new CryptoError('ERR_REVOCATIONS_INVALID', `${path} is gone`);
    const next = text === undefined ? undefined : createHash('sha256').update(text).digest('base64');
    if (next === stamp) return false;
    current = parseRevocations(text ?? '', path);
    stamp = next;
    return true;
  };
  const round = async (): Promise<void> => {
    try {
      const isChanged = await load();
      lastProblem = '';
      if (isChanged && !isStopped) {
        logger.info(`Read the list of revocations again: ${path}`);
        options.onChange?.();
      }
    } catch (error) {
      // Said once for each problem: this happens several times a second.
      const problem = errorMessage(error);
      if (problem !== lastProblem) logger.error(`The earlier revocations stay in force: ${problem}`);
      lastProblem = problem;
    }
    schedule();
  };
  const schedule = (): void => {
    if (isStopped) return;
    timer = platform.clock.setTimer(() => void round(), connectLimits.revocationsReadMs, {background: true});
  };

  await load();
  schedule();
  return {
    reasonFor: (credential: CredentialFacts) => current.reasonFor(credential),
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}

async function readText(path: string, platform: Pick<Platform, 'files'>): Promise<string | undefined> {
  try {
    return (await platform.files.read(path, {limitBytes: connectLimits.revocationsBytesMax})).toString('utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const message = `Cannot read the list of revocations "${path}": ${errorMessage(cause)}`;
    throw new CryptoError('ERR_REVOCATIONS_INVALID', message, {cause});
  }
}
