/** What can be wrong with a message for the spool. */
import {ChoriaError} from '../lib/errors.ts';

export const submissionErrorCodes = {
  ERR_SUBMISSION_INVALID: 'A message for the submission spool lacks something or has too much of it.',
  ERR_SUBMISSION_SPOOL: 'The submission spool cannot be used.',
  ERR_SUBMISSION_FULL: 'The submission spool holds as many messages as it may.',
} as const;

export type SubmissionErrorCode = keyof typeof submissionErrorCodes;

export class SubmissionError extends ChoriaError<SubmissionErrorCode> {}
