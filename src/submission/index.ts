/** The door of `submission`: messages of local programs, published in the server's name. See README.md. */
export {
  createSubmissionDelivery,
  type DeliveryOptions,
  type SubmissionConnection,
  type SubmissionDelivery,
  submissionHeaders,
  type SubmissionSigner,
} from './delivery.ts';
export {SubmissionError, type SubmissionErrorCode, submissionErrorCodes} from './errors.ts';
export {submissionLimits} from './limits.ts';
export {decodeMessage, encodeMessage, type SubmissionMessage} from './message.ts';
export {createSubmissionSpool, type NewSubmission, type SubmissionSpool} from './spool.ts';
