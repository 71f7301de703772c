/**
 * What may be a name and what may be a subject. Names come from certificates, files and the network and become parts of
 * subjects, so nothing that could be a wildcard, a further command or an escape sequence may hide in them.
 */
import {ProtocolError, type ProtocolStage} from './errors.ts';
import {protocolLimits} from './limits.ts';

const controlOrSpace = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff]/;
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Whether a text can be shown and logged as a name: bounded, without control characters. */
export function isDisplayName(name: string): boolean {
  return name.length <= protocolLimits.nameLengthMax && !control.test(name);
}

/** Whether a text can be the tail of a subject: no blank, no wildcard, no empty part. */
export function isSubjectName(name: string): boolean {
  return name.length > 0 && name.length <= protocolLimits.nameLengthMax && isPublishSubject(name);
}

/** Whether a message may be published on this subject. */
export function isPublishSubject(subject: string): boolean {
  return (
    subject.length > 0 &&
    subject.length <= protocolLimits.subjectLengthMax &&
    !controlOrSpace.test(subject) &&
    !/[*>]/.test(subject) &&
    !subject.startsWith('.') &&
    !subject.endsWith('.') &&
    !subject.includes('..')
  );
}

/** Whether a text can be exactly one part of a subject. */
export function isSubjectToken(name: string): boolean {
  return isSubjectName(name) && !name.includes('.');
}

/** @throws {ProtocolError} `ERR_NAME_INVALID` */
export function requireSubjectToken(name: string, what: string): string {
  if (!name.includes('.')) return requireSubjectName(name, what);
  throw new ProtocolError(
    'ERR_NAME_INVALID',
    `Cannot make a subject of ${what} ${quoteName(name)}: expected a name without dots`,
    {
      stage: 'name',
      details: {what},
    },
  );
}

/** @throws {ProtocolError} `ERR_NAME_INVALID` */
export function requireSubjectName(name: string, what: string): string {
  if (isSubjectName(name)) return name;
  throw new ProtocolError(
    'ERR_NAME_INVALID',
    `Cannot make a subject of ${what} ${quoteName(name)}: expected 1 to ${protocolLimits.nameLengthMax} characters without blanks, *, > and empty parts`,
    {stage: 'name', details: {what}},
  );
}

/** @throws {ProtocolError} `ERR_REQUEST_INVALID` or `ERR_REPLY_INVALID`, by stage */
export function requireDisplayName(
  name: string,
  options: {readonly what: string; readonly stage: ProtocolStage},
): string {
  if (isDisplayName(name)) return name;
  const code = options.stage === 'reply' ? 'ERR_REPLY_INVALID' : 'ERR_REQUEST_INVALID';
  throw new ProtocolError(
    code,
    `Cannot accept ${options.what} ${quoteName(name)}: expected at most ${protocolLimits.nameLengthMax} characters without control characters`,
    {stage: options.stage},
  );
}

/** A name for a message: bounded, its odd characters escaped. */
export function quoteName(name: string): string {
  const short = name.length > 64 ? `${name.slice(0, 64)}...` : name;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
