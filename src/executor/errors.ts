/** What can go wrong with commands that run in the background. */
import {ChoriaError} from '../lib/errors.ts';

export type ExecutorErrorCode = 'ERR_EXECUTOR_JOB' | 'ERR_EXECUTOR_START';

export const executorErrorCodes: Readonly<Record<ExecutorErrorCode, string>> = {
  ERR_EXECUTOR_JOB: 'There is no such job, or its files cannot be used',
  ERR_EXECUTOR_START: 'A job could not be made or started',
};

export class ExecutorError extends ChoriaError<ExecutorErrorCode> {}
