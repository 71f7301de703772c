/** Looks now and then whether a process's certificates or tokens were renewed on disk. */
import type {SecurityProvider} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import type {Clock, TimerHandle} from '../lib/platform.ts';
import {connectLimits} from './limits.ts';

export interface CredentialWatch {
  stop(): void;
}

/** What was good stays in use until there is something good to replace it; each problem is said once. */
export function watchCredentials(
  provider: SecurityProvider,
  options: {readonly clock: Clock; readonly logger: Logger; readonly onChange?: () => void},
): CredentialWatch {
  const {clock, logger} = options;
  let lastProblem = '';
  let isStopped = false;
  let timer: TimerHandle | undefined;
  const round = async (): Promise<void> => {
    try {
      if ((await provider.refresh?.()) === true) {
        logger.info('Read changed certificates or tokens again');
        options.onChange?.();
      }
      lastProblem = '';
    } catch (error) {
      const problem = errorMessage(error);
      if (problem !== lastProblem) logger.error(`The earlier certificates and tokens stay in use: ${problem}`);
      lastProblem = problem;
    }
    schedule();
  };
  const schedule = (): void => {
    if (isStopped) return;
    timer = clock.setTimer(() => void round(), connectLimits.credentialsReadMs, {background: true});
  };
  if (provider.refresh !== undefined) schedule();
  return {
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}
