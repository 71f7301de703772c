/** Subjects that the broker lately refused to this connection, from its own words: what was sent there reached nobody. */
import type {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';

/** The subject that the broker does not let us publish or subscribe to. */
export function refusedSubject(
  error: ConnectError,
): {readonly subject: string; readonly isPublish: boolean} | undefined {
  const {text} = error.details;
  if (error.code !== 'ERR_PERMISSION' || typeof text !== 'string') return undefined;
  const [, what, subject] = /^permissions violation for (publish|subscription) to "([^"]*)"/i.exec(text) ?? [];
  return subject === undefined ? undefined : {subject, isPublish: what?.toLowerCase() === 'publish'};
}

/** Nothing is kept until something was refused, because thousands of connections share a process. */
export class Refusals {
  #subjects: Set<string> | undefined;

  add(subject: string): void {
    this.#subjects ??= new Set();
    if (this.#subjects.size < connectLimits.refusalsMax) this.#subjects.add(subject);
  }

  has(subject: string): boolean {
    return this.#subjects?.has(subject) === true;
  }

  /** Another link may have other rights. */
  clear(): void {
    this.#subjects = undefined;
  }
}
