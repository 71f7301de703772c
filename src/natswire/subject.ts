/**
 * Subjects: tokens between dots; in patterns `*` stands for one token and a closing `>` for one or more.
 *
 * A `*` or `>` inside a longer token is an ordinary character. Works on any string whose characters stand for themselves, also on latin1
 * text made of bytes.
 */
import {WireError} from './errors.ts';

const dot = 46;
const star = 42;
const greater = 62;

/** True when there are no empty tokens and no blanks, so that a publish to it can match something. Wildcards are literal here. */
export function isPublishSubject(subject: string): boolean {
  if (subject === '') return false;
  let previous = dot;
  for (let index = 0; index < subject.length; index += 1) {
    const code = subject.charCodeAt(index);
    if (code === dot && previous === dot) return false;
    if (code === 32 || code === 9 || code === 10 || code === 13) return false;
    previous = code;
  }
  return previous !== dot;
}

/** As `isPublishSubject`, with `>` as a whole token only at the end. */
export function isSubscribeSubject(subject: string): boolean {
  if (!isPublishSubject(subject)) return false;
  const place = subject.indexOf('>');
  if (place < 0 || place === subject.length - 1) return true;
  let tokenStart = 0;
  while (tokenStart < subject.length) {
    const next = subject.indexOf('.', tokenStart);
    const end = next < 0 ? subject.length : next;
    if (end - tokenStart === 1 && subject.charCodeAt(tokenStart) === greater && end !== subject.length) return false;
    tokenStart = end + 1;
  }
  return true;
}

/** True when a token of the subject is `*` or `>`. */
export function hasWildcard(subject: string): boolean {
  for (let index = 0; index < subject.length; index += 1) {
    const code = subject.charCodeAt(index);
    if (code !== star && code !== greater) continue;
    const before = index === 0 || subject.charCodeAt(index - 1) === dot;
    const after = index === subject.length - 1 || subject.charCodeAt(index + 1) === dot;
    if (before && after) return true;
  }
  return false;
}

/**
 * True when every subject that `subject` stands for is one of `pattern`'s. A literal subject is matched; a pattern must be a subset, so
 * `foo.>` is not within `foo.*`.
 */
export function isWithin(subject: string, pattern: string): boolean {
  let at = 0;
  let within = 0;
  while (within < pattern.length) {
    const patternEnd = tokenEnd(pattern, within);
    if (at >= subject.length) return false;
    const subjectEnd = tokenEnd(subject, at);
    if (patternEnd - within === 1 && pattern.charCodeAt(within) === greater && patternEnd === pattern.length)
      return true;
    const isRest = subjectEnd - at === 1 && subject.charCodeAt(at) === greater && subjectEnd === subject.length;
    if (isRest) return false;
    const isAny = patternEnd - within === 1 && pattern.charCodeAt(within) === star;
    if (
      !isAny &&
      !sameToken(subject, {start: at, end: subjectEnd, other: pattern, otherStart: within, otherEnd: patternEnd})
    )
      return false;
    at = subjectEnd + 1;
    within = patternEnd + 1;
  }
  return at >= subject.length;
}

/**
 * True when the pattern matches the subject taken literally, as a publish means it: `foo.*` as a subject is a plain name, and so is matched
 * by `foo.*` and `foo.>`, not by `foo.bar`.
 */
export function matchesLiterally(subject: string, pattern: string): boolean {
  let at = 0;
  let within = 0;
  while (within < pattern.length) {
    const patternEnd = tokenEnd(pattern, within);
    if (at >= subject.length) return false;
    const subjectEnd = tokenEnd(subject, at);
    if (isToken(pattern, {start: within, end: patternEnd, code: greater})) return true;
    const isAny = isToken(pattern, {start: within, end: patternEnd, code: star});
    if (
      !isAny &&
      !sameToken(subject, {start: at, end: subjectEnd, other: pattern, otherStart: within, otherEnd: patternEnd})
    )
      return false;
    at = subjectEnd + 1;
    within = patternEnd + 1;
  }
  return at >= subject.length;
}

/** True when some subject is of both patterns. */
export function overlaps(left: string, right: string): boolean {
  let leftStart = 0;
  let rightStart = 0;
  while (leftStart < left.length && rightStart < right.length) {
    const leftEnd = tokenEnd(left, leftStart);
    const rightEnd = tokenEnd(right, rightStart);
    if (isToken(left, {start: leftStart, end: leftEnd, code: greater})) return true;
    if (isToken(right, {start: rightStart, end: rightEnd, code: greater})) return true;
    const any =
      isToken(left, {start: leftStart, end: leftEnd, code: star}) ||
      isToken(right, {start: rightStart, end: rightEnd, code: star});
    if (
      !any &&
      !sameToken(left, {start: leftStart, end: leftEnd, other: right, otherStart: rightStart, otherEnd: rightEnd})
    )
      return false;
    leftStart = leftEnd + 1;
    rightStart = rightEnd + 1;
  }
  return leftStart >= left.length && rightStart >= right.length;
}

function tokenEnd(subject: string, start: number): number {
  const next = subject.indexOf('.', start);
  return next < 0 ? subject.length : next;
}

function isToken(
  subject: string,
  token: {readonly start: number; readonly end: number; readonly code: number},
): boolean {
  if (token.end - token.start !== 1 || subject.charCodeAt(token.start) !== token.code) return false;
  return token.code !== greater || token.end === subject.length;
}

function sameToken(
  subject: string,
  token: {
    readonly start: number;
    readonly end: number;
    readonly other: string;
    readonly otherStart: number;
    readonly otherEnd: number;
  },
): boolean {
  const length = token.end - token.start;
  if (length !== token.otherEnd - token.otherStart) return false;
  for (let index = 0; index < length; index += 1) {
    if (subject.charCodeAt(token.start + index) !== token.other.charCodeAt(token.otherStart + index)) return false;
  }
  return true;
}

/** @throws {WireError} `ERR_WIRE_SUBJECT` */
export function checkPublishSubject(subject: string): void {
  if (isPublishSubject(subject)) return;
  throw new WireError(
    'ERR_WIRE_SUBJECT',
    `Cannot publish to ${JSON.stringify(subject)}: expected tokens between single dots, without blanks`,
  );
}

/** @throws {WireError} `ERR_WIRE_SUBJECT` */
export function checkSubscribeSubject(subject: string): void {
  if (isSubscribeSubject(subject)) return;
  throw new WireError(
    'ERR_WIRE_SUBJECT',
    `Cannot subscribe to ${JSON.stringify(subject)}: expected tokens between single dots, without blanks, and ">" only at the end`,
  );
}
