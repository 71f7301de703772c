import {ChoriaError} from '../../lib/errors.ts';

export const studyErrorCodes = {
  ERR_STUDY_OPTIONS: 'The sizes, scenarios or parts of a study cannot be used together',
  ERR_STUDY_NOT_READY: 'A program of the study did not start in time or ended early',
} as const;

export type StudyErrorCode = keyof typeof studyErrorCodes;

export class StudyError extends ChoriaError<StudyErrorCode> {}
