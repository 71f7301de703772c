/**
 * The page of faults: each line of the fault list, and the tests that hold it.
 *
 * A test belongs to a line by its title, `fault 28: ...` or `faults 28, 53: ...`. Which lines there are, and which wait for a part that does not
 * exist, is in `test/faults/lines.json`.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {join, relative} from 'node:path';

export interface FaultLine {
  readonly line: number;
  readonly title: string;
  /** The part whose absence explains that there is no test. */
  readonly waitsFor?: string;
}

export function readFaultLines(root: string): readonly FaultLine[] {
  return JSON.parse(readFileSync(join(root, 'test', 'faults', 'lines.json'), 'utf8')) as readonly FaultLine[];
}

/** Files with tests, by line of the fault list. */
export function faultTests(root: string): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, Set<string>>();
  for (const folder of ['test', 'src']) {
    for (const entry of readdirSync(join(root, folder), {withFileTypes: true, recursive: true})) {
      if (!entry.isFile() || !entry.name.endsWith('.test.ts')) continue;
      const path = join(entry.parentPath, entry.name);
      for (const match of readFileSync(path, 'utf8').matchAll(/['"`]faults? (\d+(?:, ?\d+)*(?: and \d+)?)\b/g)) {
        for (const number of (match[1] ?? '').matchAll(/\d+/g)) {
          const line = Number(number[0]);
          const files = found.get(line) ?? new Set<string>();
          found.set(line, files.add(relative(root, path).split('\\').join('/')));
        }
      }
    }
  }
  return new Map([...found].map(([line, files]) => [line, [...files].sort()]));
}

export function faultsReference(root: string): string {
  const tests = faultTests(root);
  const rows = readFaultLines(root).map(({line, title, waitsFor}) => {
    const files = (tests.get(line) ?? []).map((file) => `\`${file}\``).join('<br>');
    return `| ${line} | ${title} | ${files === '' ? `waits for ${waitsFor ?? '?'}` : files} |`;
  });
  return [
    '# Faults and attacks',
    '',
    'Each line is a way in which things go wrong, and the tests that show its safe end: refused with a clear error, bounded in time and memory, nothing lost,',
    'nobody let in. Every test runs in `npm test` or, where it needs a real peer, in `npm run peers`; CI is green only when all of them pass.',
    '',
    "This page is generated from the tests' titles.",
    '',
    '| line | what | tested in |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
