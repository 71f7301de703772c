/**
 * The YAML library, loaded with the first document: it is a fifth of the program's code, and most commands read none.
 */
import {createRequire} from 'node:module';

const require = createRequire(import.meta.url);

/** Node keeps what it loaded, so asking again costs nothing. */
export function yaml(): typeof import('yaml') {
  return require('yaml') as typeof import('yaml');
}
