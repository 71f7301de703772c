import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

/** Another file of the folder under judgement; undefined when the folder lacks it. */
export function readVector(vectorsDirectory: string, file: string): unknown {
  const path = join(vectorsDirectory, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}
