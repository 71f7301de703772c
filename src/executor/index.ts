/** The door of `executor`: commands that run in the background and outlive the server. See README.md. */
export {ExecutorError, type ExecutorErrorCode, executorErrorCodes} from './errors.ts';
export {createJob, type JobNode, type JobRequest, startJob} from './job.ts';
export {type Job, listJobs, loadJob} from './job-store.ts';
export {executorLimits} from './limits.ts';
export {type JobExit, type SubmitEvent, superviseJob} from './supervisor.ts';
export type {NewJob} from './types.ts';
