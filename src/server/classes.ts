/** The classes of a node: one for each line of a file, read at every use. */
import {compareCodePoints} from '../lang/index.ts';
import type {Logger} from '../lib/logger.ts';
import type {Files} from '../lib/platform.ts';

/** Bytes of the classes file; real ones have some thousands. */
export const classesFileBytesMax = 4 * 1_024 * 1_024;

export interface ClassSource {
  /** Sorted; empty when the file is missing or cannot be read. */
  list(): Promise<readonly string[]>;
}

export function createClassSource({
  files,
  path,
  logger,
}: {
  readonly files: Files;
  readonly path: string;
  readonly logger?: Logger;
}): ClassSource {
  let known: {readonly bytes: Buffer; readonly classes: readonly string[]} | undefined;
  let failed = '';
  return {
    async list() {
      if (path === '') return [];
      try {
        const bytes = await files.read(path, {limitBytes: classesFileBytesMax});
        if (known?.bytes.equals(bytes) !== true) known = {bytes, classes: parseClasses(bytes.toString('utf8'))};
        failed = '';
        return known.classes;
      } catch (error) {
        const {code = 'unknown error'} = error as NodeJS.ErrnoException;
        // Said once for each cause: the file is read at every request.
        if (code !== failed) logger?.warn(`Could not read classes file ${path}: ${code}`);
        failed = code;
        known = undefined;
        return [];
      }
    },
  };
}

/** Lines without their ends; blanks inside and blank lines stay, as they are names to the matching rules. */
export function parseClasses(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines.at(-1) === '' && text.slice(-1) !== '\r') lines.pop();
  return lines.toSorted(compareCodePoints);
}
