/** What is installed is what was reviewed, and nothing more comes later. */
import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly link?: boolean;
}

const lock = JSON.parse(read('package-lock.json')) as {packages: Readonly<Record<string, LockEntry>>};
const installed = Object.entries(lock.packages).filter(([path]) => path.startsWith('node_modules/'));

describe('fault 68: the supply chain', () => {
  test('fault 68: every package is locked by version and by hash, and the lock names no host', () => {
    expect(installed.length).toBeGreaterThan(20);
    expect(
      installed
        .filter(([, entry]) => entry.version === undefined || entry.integrity === undefined)
        .map(([path]) => path),
    ).toEqual([]);
    expect(installed.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  test('fault 68: versions in package.json are exact', () => {
    const manifest = JSON.parse(read('package.json')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const ranges = Object.entries({...manifest.dependencies, ...manifest.devDependencies}).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
    );
    expect(ranges).toEqual([]);
  });

  test('fault 68: no package that runs in a fleet has an install script, and ours are never run', () => {
    expect(
      installed.filter(([, entry]) => entry.hasInstallScript === true && entry.dev !== true).map(([path]) => path),
    ).toEqual([]);
    expect(read('tools/run.mjs')).toContain('--ignore-scripts');
    expect(
      Object.keys((JSON.parse(read('package.json')) as {scripts: Record<string, string>}).scripts).filter((name) =>
        /^(pre|post)?install$|^prepare$/.test(name),
      ),
    ).toEqual([]);
  });

  test('fault 68: the program names no address outside, from which it could fetch anything at run time', () => {
    const files = readdirSync(join(root, 'src'), {withFileTypes: true, recursive: true})
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
      .map((entry) => join(entry.parentPath, entry.name));
    const fetching = files.filter(
      (file) =>
        /\bfetch\(\s*['"`]https?:|from 'node:https?'/.test(readFileSync(file, 'utf8')) && !/src\/lib\/node-/.test(file),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(fetching).toEqual([]);
  });
});
