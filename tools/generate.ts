/**
 * Writes the pages of `docs/reference` that are made from the program's own data.
 *
 *     npm run generate             writes them
 *     npm run generate -- --check  writes nothing; exit code 1 when one is stale
 *
 * A page is one entry of `pages`; `test/reference-pages.test.ts` fails when one is stale.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {program} from '../src/cli/commands/index.ts';
import {commandsReference} from './commands-reference.ts';
import {configurationReference} from './configuration-reference.ts';
import {doctorReference} from './doctor-reference.ts';
import {errorsReference} from './errors-reference.ts';
import {faultsReference} from './faults-reference.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly render: () => string | Promise<string>;
}

export const pages: readonly Page[] = [
  {path: 'docs/reference/commands.md', render: () => commandsReference(program)},
  {path: 'docs/reference/configuration.md', render: configurationReference},
  {path: 'docs/reference/doctor.md', render: doctorReference},
  {path: 'docs/reference/faults.md', render: () => faultsReference(root)},
  {path: 'docs/reference/errors.md', render: () => errorsReference(join(root, 'src'))},
];

/** Pages whose file is not what the program's data says today. */
export async function stalePages(): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const page of pages) if ((await page.render()) !== readPage(page.path)) stale.push(page.path);
  return stale;
}

function readPage(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function main(): Promise<number> {
  const stale = await stalePages();
  if (process.argv.includes('--check')) {
    for (const path of stale) console.log(`stale: ${path}; run "npm run generate"`);
    return stale.length === 0 ? 0 : 1;
  }
  for (const page of pages.filter((item) => stale.includes(item.path))) {
    writeFileSync(join(root, page.path), await page.render());
    console.log(`wrote ${page.path}`);
  }
  return 0;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main();
}
