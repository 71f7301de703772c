/**
 * Which subjects may go into a control line.
 *
 * A wrong one would end the connection or be misread, so it is refused here, before anything is sent (fault 72).
 */
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';

/**
 * A subject to publish to: no empty token, no blank, no control character and no wildcard token.
 *
 * @throws {ConnectError} `ERR_SUBJECT`
 */
export function checkPublishSubject(subject: string, what: string): void {
  const problem = subjectProblem(subject, false);
  if (problem !== undefined) throw refused(subject, what, problem);
}

/**
 * As for publishing, with `*` and a last `>` allowed.
 *
 * @throws {ConnectError} `ERR_SUBJECT`
 */
export function checkSubscribeSubject(subject: string): void {
  const problem = subjectProblem(subject, true);
  if (problem !== undefined) throw refused(subject, 'subscribe to', problem);
}

function refused(subject: string, what: string, problem: string): ConnectError {
  return new ConnectError('ERR_SUBJECT', `Cannot ${what} ${JSON.stringify(subject.slice(0, 200))}: ${problem}`, {
    details: {subject: subject.slice(0, 200)},
  });
}

const dot = 46;
const star = 42;
const greater = 62;

function subjectProblem(subject: string, wildcards: boolean): string | undefined {
  const length = subject.length;
  if (length === 0) return 'it is empty';
  if (length > connectLimits.subjectsBytesMax)
    return `it has ${length} characters, more than ${connectLimits.subjectsBytesMax}`;
  let tokenStart = 0;
  for (let at = 0; at <= length; at++) {
    const code = at === length ? dot : subject.charCodeAt(at);
    if (code === dot) {
      const tokenLength = at - tokenStart;
      if (tokenLength === 0) return 'it has an empty token';
      if (tokenLength === 1) {
        const only = subject.charCodeAt(tokenStart);
        if ((only === star || only === greater) && !wildcards) return 'it has a wildcard';
        if (only === greater && at !== length) return 'the wildcard > is not its last token';
      }
      tokenStart = at + 1;
    } else if (code <= 32 || code === 127) {
      return 'it has a blank or a control character';
    }
  }
  return undefined;
}
