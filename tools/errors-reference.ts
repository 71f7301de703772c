/**
 * Makes `docs/reference/errors.md` from the tables of error codes in the areas: every exported constant whose name ends in `ErrorCodes`.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {join, relative} from 'node:path';
import {pathToFileURL} from 'node:url';

export interface ErrorTable {
  /** From `src`, such as `config/errors.ts`. */
  readonly path: string;
  readonly codes: Readonly<Record<string, string>>;
}

/** Tables under a folder of sources, by path. */
export async function readErrorTables(sourceRoot: string): Promise<readonly ErrorTable[]> {
  const files = readdirSync(sourceRoot, {withFileTypes: true, recursive: true})
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const tables: ErrorTable[] = [];
  for (const file of files) {
    const names = [...readFileSync(file, 'utf8').matchAll(/^export const (\w*[eE]rrorCodes)\b/gm)].map(
      (match) => match[1],
    );
    if (names.length === 0) continue;
    const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    for (const name of names) {
      const codes = module[name ?? ''] as Readonly<Record<string, string>>;
      tables.push({path: relative(sourceRoot, file).split('\\').join('/'), codes});
    }
  }
  return tables;
}

export async function errorsReference(sourceRoot: string): Promise<string> {
  const tables = await readErrorTables(sourceRoot);
  const areas = [...new Set(tables.map((table) => table.path.split('/')[0] ?? ''))].sort();
  const sections = areas.map((area) => {
    const codes = tables
      .filter((table) => table.path.startsWith(`${area}/`))
      .flatMap((table) => Object.entries(table.codes));
    const rows = codes
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([code, text]) => `| \`${code}\` | ${text.replace(/\.$/, '').replaceAll('|', '\\|')} |\n`);
    return `## ${area}\n\n| Code | Meaning |\n| --- | --- |\n${rows.join('')}`;
  });
  return [
    '# Errors\n\n',
    'Generated from the tables in `src/*/errors.ts` by `npm run generate`; do not edit.\n\n',
    'Every error of the library is a `ChoriaError` with a `code` that never changes its meaning, a `message` for people, `details` for ',
    'programs and, where there is one, the `cause`.\n\n',
    sections.join('\n'),
  ].join('');
}
