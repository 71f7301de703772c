/** Files that come with the program beside its code. */
import {createRequire} from 'node:module';

/**
 * @param path from the package's folder, such as `packaging/ruby/...`
 * @returns where it is on this machine
 */
export function packageFile(path: string): string {
  const manifest = createRequire(import.meta.url).resolve('choria/package.json');
  return `${manifest.slice(0, -'package.json'.length)}${path}`;
}
