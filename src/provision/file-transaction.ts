/**
 * Several files replaced as one: everything is written beside its place first, then moved there, and moved back when any step fails.
 *
 * A crash between two moves leaves some files new and some old, so whoever uses this puts the file that makes the change count last.
 * What a crash leaves beside (`.NAME.new-ID`, `.NAME.old-ID`) is never read by anything.
 */
import {basename, dirname, join} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {ProvisionError} from './errors.ts';

interface NewFile {
  readonly content: string | Uint8Array;
  readonly mode: number;
}

interface Target {
  readonly path: string;
  /** Undefined: the target goes away. */
  readonly place: ((path: string) => Promise<void>) | undefined;
}

export class FileTransaction {
  readonly #files: Files;
  readonly #id: string;
  readonly #targets: Target[] = [];

  /** @param options.id text for the names of temporary files, unique to this change */
  constructor(options: {readonly files: Files; readonly id: string}) {
    this.#files = options.files;
    this.#id = options.id;
  }

  write(path: string, file: NewFile): void {
    this.#targets.push({path, place: (aside) => this.#files.writeAtomic(aside, file.content, {mode: file.mode})});
  }

  remove(path: string): void {
    this.#targets.push({path, place: undefined});
  }

  /** The whole directory with everything in it; names may hold one level of directories. */
  replaceDirectory(path: string, options: {readonly files: ReadonlyMap<string, NewFile>; readonly mode: number}): void {
    const {files, mode} = options;
    const place = async (aside: string): Promise<void> => {
      await this.#files.makeDirectory(aside, {mode});
      const directories = new Set([...files.keys()].map((name) => dirname(name)).filter((name) => name !== '.'));
      for (const name of directories) await this.#files.makeDirectory(join(aside, name), {mode});
      for (const [name, file] of files) {
        await this.#files.writeAtomic(join(aside, name), file.content, {mode: file.mode});
      }
    };
    this.#targets.push({path, place});
  }

  /**
   * @param check called when everything is written aside and nothing is in place yet
   * @throws {ProvisionError} `ERR_PROVISION_WRITE` when everything is as before, `ERR_PROVISION_BROKEN` when it could not be restored;
   * whatever `check` throws, with everything as before
   */
  async commit(check: () => Promise<void> = async () => undefined): Promise<void> {
    const undo: (() => Promise<void>)[] = [];
    try {
      for (const target of this.#targets) await target.place?.(this.#aside(target.path, 'new'));
      await check();
      for (const target of this.#targets) await this.#moveIn(target, undo);
    } catch (cause) {
      await this.#rollBack(undo, cause);
      await this.#cleanUp('new');
      if (cause instanceof ProvisionError) throw cause;
      const text = `Cannot write the new files: ${errorMessage(cause)}; the old ones are in place`;
      throw new ProvisionError('ERR_PROVISION_WRITE', text, {cause});
    }
    await this.#cleanUp('old');
  }

  #aside(path: string, kind: 'new' | 'old'): string {
    return join(dirname(path), `.${basename(path)}.${kind}-${this.#id}`);
  }

  async #moveIn(target: Target, undo: (() => Promise<void>)[]): Promise<void> {
    const {path, place} = target;
    const old = this.#aside(path, 'old');
    if (await this.#moveIfThere(path, old)) undo.push(() => this.#files.rename(old, path));
    if (place === undefined) return;
    await this.#files.rename(this.#aside(path, 'new'), path);
    undo.push(() => this.#files.remove(path, {recursive: true}));
  }

  async #moveIfThere(from: string, to: string): Promise<boolean> {
    try {
      await this.#files.rename(from, to);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  async #rollBack(undo: readonly (() => Promise<void>)[], cause: unknown): Promise<void> {
    for (const step of [...undo].reverse()) {
      try {
        await step();
      } catch (error) {
        throw new ProvisionError(
          'ERR_PROVISION_BROKEN',
          `Cannot write the new files: ${errorMessage(cause)}; restoring the old ones failed: ${errorMessage(error)}`,
          {cause: error},
        );
      }
    }
  }

  /** What lies beside is only litter by now: failing to remove it must not undo what was done. */
  async #cleanUp(kind: 'new' | 'old'): Promise<void> {
    for (const {path} of this.#targets) {
      await this.#files.remove(this.#aside(path, kind), {recursive: true}).catch(() => undefined);
    }
  }
}
