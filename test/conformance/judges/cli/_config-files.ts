/**
 * The configuration files of a transcript. Some cases give texts, some only names, some only a home directory; what stood in those
 * is told by the outcome: the dump of loaded settings, or the message that a setting caused.
 */
import {dirname, join} from 'node:path';
import type {Transcript} from './_compare.ts';

export interface ConfigCase extends Transcript {
  readonly env?: Readonly<Record<string, string | null>>;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly files?: readonly string[] | Readonly<Record<string, string>>;
}

/** Absolute paths to texts. */
export function configFilesOf(item: ConfigCase, clientConfig: string): Readonly<Record<string, string>> {
  const home = homeOf(item);
  if (Array.isArray(item.files)) return namedFiles(item, item.files as readonly string[]);
  const files: Record<string, string> = {};
  const given = (item.files ?? {}) as Readonly<Record<string, string>>;
  const configPath = flagValue(item, '--config');
  const base = configPath === undefined ? home : dirname(configPath);
  for (const [name, text] of Object.entries(given)) {
    const appended = name.endsWith(' (appended)');
    const path = name.replace(/ \(appended\)$/, '');
    files[path.startsWith('/') ? path : join(base, path)] = appended ? `${clientConfig}\n${text}` : text;
  }
  if (configPath?.startsWith('/scratch/') === true) files[configPath] ??= clientConfig;
  if (home.startsWith('/scratch/')) files[join(home, '.choriarc')] ??= clientConfig + settingsToldBy(item);
  return files;
}

/** What cases left in `/scratch` for later ones. */
export function sharedFilesOf(items: readonly ConfigCase[]): Readonly<Record<string, string>> {
  const entries = items.flatMap((item) => (Array.isArray(item.files) ? [] : Object.entries(item.files ?? {})));
  return Object.fromEntries(entries.filter(([path]) => path.startsWith('/scratch/')));
}

function homeOf(item: ConfigCase): string {
  return item.env?.['HOME'] ?? '/home/rip';
}

function flagValue(item: ConfigCase, flag: string): string | undefined {
  const at = item.argv.indexOf(flag);
  return at < 0 ? undefined : item.argv[at + 1];
}

/** The first file that the transcript says was loaded holds what it shows; the others must not be read. */
function namedFiles(item: ConfigCase, names: readonly string[]): Readonly<Record<string, string>> {
  const output = item.stdout ?? item.output ?? '';
  const loaded = /^ *Loaded Files: (.*?)\r?$/m.exec(output)?.[1];
  const dump = output.slice(output.indexOf('do not include any defaults.'));
  const settings = [...dump.matchAll(/^ +(\S.*?): (.*?)\r?$/gm)]
    .map(([, key, value]) => `${key} = ${value}\n`)
    .join('');
  return Object.fromEntries(
    names.map((name) => {
      const path = join(homeOf(item), name);
      return [path, path === loaded ? settings : 'ttl = 4711\n'];
    }),
  );
}

/** Messages that only one setting brings about. */
const traces: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/^Discovering nodes using the (\S+) method/m, (match) => `default_discovery_method = ${match[1]}`],
  [/could not determine file to use as discovery source/, () => 'default_discovery_method = flatfile'],
  [/requests without filters have been disabled/, () => 'plugin.choria.require_client_filter = true'],
  [/public certificate (\S+) does not exist/, (match) => `plugin.security.file.certificate = ${match[1]}`],
  [/private key (\S+) does not exist/, (match) => `plugin.security.file.key = ${match[1]}`],
  [/^time="[^"]*" level=info /m, () => 'loglevel = info'],
  [/^time="[^"]*" level=debug /m, () => 'loglevel = debug'],
];

function settingsToldBy(item: ConfigCase): string {
  const text = `${item.stdout ?? ''}${item.stderr ?? ''}${item.output ?? ''}`.replace(/"$/gm, '');
  const lines = traces.flatMap(([pattern, setting]) => {
    const match = pattern.exec(text);
    return match ? [setting(match)] : [];
  });
  return `\n${lines.join('\n')}\n`;
}
