import {ChoriaError, type ChoriaErrorOptions} from '../lib/errors.ts';

/** What can go wrong with keys, certificates, tokens and signatures. */
export const cryptoErrorCodes = {
  ERR_SIGNATURE_INVALID: 'A signature does not belong to the message or to the key that should have made it',
  ERR_CERTIFICATE_INVALID: 'A certificate cannot be read, is not trusted, out of date or not meant for clients',
  ERR_CALLER_NOT_ALLOWED: 'A caller is not the one proven, or is not on the list of allowed callers',
  ERR_TOKEN_INVALID: 'A token cannot be read, is not trusted, out of date or lacks a needed permission',
  ERR_KEY_INVALID: 'A key cannot be read or is of a kind or size that is not accepted',
  ERR_CREDENTIALS_MISSING: 'A certificate, key or token that is needed is not there',
  ERR_CREDENTIALS_UNREADABLE: 'A file with a certificate, key or token cannot be read',
  ERR_REVOCATIONS_INVALID: 'The list of what was revoked cannot be read or understood',
  ERR_ID_INVALID: 'A sortable id (KSUID) is malformed',
} as const;

export type CryptoErrorCode = keyof typeof cryptoErrorCodes;

export class CryptoError extends ChoriaError<CryptoErrorCode> {
  // The code's type is narrowed here, so that callers can switch on it.
  constructor(code: CryptoErrorCode, message: string, options: ChoriaErrorOptions = {}) {
    super(code, message, options);
  }
}
