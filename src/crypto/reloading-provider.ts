/**
 * A provider whose files may change while it is used: certificates and tokens are renewed, and nobody restarts a fleet for that.
 */
import {createHash} from 'node:crypto';
import {delegateProvider} from './delegate.ts';
import {CryptoError} from './errors.ts';
import type {SecurityProvider} from './types.ts';

/** Texts of files, undefined for those that are not there. */
export type FileContents = readonly (string | undefined)[];

export interface ReloadingOptions {
  readonly read: () => Promise<FileContents>;
  readonly make: (contents: FileContents) => SecurityProvider;
  /** Why these contents must not replace good ones, such as a key that does not belong to its certificate. */
  readonly problem: (contents: FileContents) => string | undefined;
}

/**
 * Reads now, and again with each `refresh()`. What was good stays in use until there is something good to replace it: a file that is
 * missing or half written for a moment must not take a process off the network.
 *
 * @throws whatever the first reading throws; `refresh()` rejects with what a later one throws
 */
export async function createReloadingProvider(options: ReloadingOptions): Promise<SecurityProvider> {
  const first = await options.read();
  let current = options.make(first);
  let stamp = stampOf(first);
  return delegateProvider(() => current, {
    async refresh() {
      const contents = await options.read();
      const next = stampOf(contents);
      if (next === stamp) return false;
      const problem = options.problem(contents);
      if (problem !== undefined) throw new CryptoError('ERR_CREDENTIALS_UNREADABLE', problem);
      current = options.make(contents);
      stamp = next;
      return true;
    },
  });
}

function stampOf(contents: FileContents): string {
  const texts = contents.map((text) => text ?? null);
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64');
}
