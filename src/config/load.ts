/**
 * Loads a configuration: defaults, main file, plugin.d, project files, computed defaults, in this order.
 *
 * Only files that can't be opened and contradictions are errors. Everything else that is odd keeps the effect that it has in the Go
 * program and is told in `warnings`. Rules: spec/config.md sections 1 to 6; vectors `config/cases.json`.
 */
import {dirname, join, resolve} from 'node:path';
import {compareBytes} from '../lib/go-text.ts';
import type {Platform} from '../lib/platform.ts';
import {ConfigBuilder} from './builder.ts';
import {systemErrorText} from '../lib/errors.ts';
import {ConfigError} from './errors.ts';
import {parseConfigText, type ParsedText} from './file-syntax.ts';
import {configFileBytesMax, pluginFilesMax} from './limits.ts';
import {normalise} from './normalise.ts';
import {createSnapshot} from './snapshot.ts';
import type {Config, ConfigMode} from './types.ts';

export interface LoadOptions {
  readonly platform: Platform;
  /** `user` reads project files, `system` and `server` do not. */
  readonly mode: ConfigMode;
  /** Absolute, or relative to the working directory. */
  readonly path: string;
}

/**
 * @throws {ConfigError} `ERR_CONFIG_FILE_UNREADABLE` and the others of `ConfigErrorCodes`
 * @example
 * const config = await loadConfig({platform, mode: 'server', path: '/etc/choria/server.conf'});
 * for (const warning of config.warnings) logger.warn(warning);
 */
export async function loadConfig({platform, mode, path: givenPath}: LoadOptions): Promise<Config> {
  const path = resolve(platform.host.workingDirectory, givenPath);
  const builder = new ConfigBuilder(platform);
  builder.read(await readConfigFile(path, platform), {place: path, typed: true});
  builder.parsedFiles.push(path);
  await readPluginDirectory(builder, {platform, path});
  if (mode === 'user') await readProjectFiles(builder, platform);
  return finish(builder, {platform, mode, path});
}

/** The configuration of a program that has no file. */
export function defaultConfig(options: {readonly platform: Platform; readonly mode: ConfigMode}): Promise<Config> {
  return finish(new ConfigBuilder(options.platform), {...options, path: undefined});
}

/**
 * A configuration from pairs of key and text instead of a file, for embedding and tests.
 *
 * @example
 * const config = await configFromEntries({identity: 'n1.example.net', ttl: '30'}, {platform, mode: 'server'});
 */
export function configFromEntries(
  entries: Readonly<Record<string, string>>,
  options: {readonly platform: Platform; readonly mode: ConfigMode; readonly path?: string},
): Promise<Config> {
  const builder = new ConfigBuilder(options.platform);
  const lines = Object.entries(entries).map(([key, value], index) => ({key, value, line: index + 1}));
  builder.read({lines, problems: []}, {place: options.path ?? 'entries', typed: true});
  return finish(builder, {platform: options.platform, mode: options.mode, path: options.path});
}

async function finish(
  builder: ConfigBuilder,
  options: {readonly platform: Platform; readonly mode: ConfigMode; readonly path: string | undefined},
): Promise<Config> {
  const switches = await normalise(builder, options);
  return createSnapshot({
    path: options.path,
    mode: options.mode,
    parsedFiles: builder.parsedFiles,
    warnings: builder.warnings.texts,
    values: builder.values,
    raw: builder.raw,
    ...switches,
  });
}

const errorTexts: Readonly<Record<string, string>> = {
  EFTYPE: 'not a regular file, expected a file of "key = value" lines',
  EFBIG: `larger than ${configFileBytesMax} bytes, expected a file of "key = value" lines`,
};

/** A directory opens and holds no lines, as in the Go program. */
async function readConfigFile(path: string, platform: Platform): Promise<ParsedText> {
  try {
    return parseConfigText(await platform.files.read(path, {limitBytes: configFileBytesMax}));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EISDIR') {
      return {lines: [], problems: [{line: 0, text: 'it is a directory and sets nothing; expected a file'}]};
    }
    throw new ConfigError('ERR_CONFIG_FILE_UNREADABLE', `open ${path}: ${errorTexts[code] ?? systemErrorText(code)}`, {
      cause: error,
      details: {path, code},
    });
  }
}

async function exists(path: string, platform: Platform): Promise<boolean> {
  try {
    await platform.files.stat(path);
    return true;
  } catch (error) {
    // Anything but "not there" counts as being there: the read that follows tells what is wrong.
    const code = (error as NodeJS.ErrnoException).code;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

async function readPluginDirectory(
  builder: ConfigBuilder,
  options: {readonly platform: Platform; readonly path: string},
): Promise<void> {
  const {platform, path} = options;
  const directory = join(dirname(path), 'plugin.d');
  if (!(await exists(directory, platform))) return;
  const {homeDirectory} = platform.host;
  // A plain comparison of texts, without regard to directories: that is what decides in the Go program.
  if (homeDirectory !== undefined && path.startsWith(homeDirectory)) {
    builder.warnings.add(
      `${directory}: it is not read, because "${path}" lies under the home directory "${homeDirectory}"; put its settings into the main file`,
    );
    return;
  }
  for (const name of await pluginFileNames(directory, platform)) {
    await readPluginFile(builder, {platform, directory, name});
  }
}

async function pluginFileNames(directory: string, platform: Platform): Promise<readonly string[]> {
  try {
    const entries = await platform.files.list(directory);
    const names = entries.map((entry) => entry.name).filter((name) => /\.(?:cfg|conf)$/.test(name));
    return names.sort(compareBytes).slice(0, pluginFilesMax);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new ConfigError(
      'ERR_CONFIG_FILE_UNREADABLE',
      `open ${directory}: ${errorTexts[code] ?? systemErrorText(code)}`,
      {
        cause: error,
        details: {path: directory, code},
      },
    );
  }
}

async function readPluginFile(
  builder: ConfigBuilder,
  options: {readonly platform: Platform; readonly directory: string; readonly name: string},
): Promise<void> {
  const {platform, directory, name} = options;
  const plugin = name.replace(/\.[^.]*$/, '');
  // Whatever the entry's ending, the file read is the one that ends in .cfg.
  const path = join(directory, `${plugin}.cfg`);
  if (name.endsWith('.conf')) {
    builder.warnings.add(`${join(directory, name)}: it is not read; rename it to "${plugin}.cfg"`);
  }
  if (!(await exists(path, platform))) return;
  const parsed = await readConfigFile(path, platform);
  builder.read(parsed, {place: path, prefix: `plugin.${plugin}.`, typed: name === 'choria.cfg'});
  builder.parsedFiles.push(path);
}

/** From the root down to the working directory, so that the nearest wins. */
async function readProjectFiles(builder: ConfigBuilder, platform: Platform): Promise<void> {
  const directories: string[] = [];
  for (let directory = resolve(platform.host.workingDirectory); ; directory = dirname(directory)) {
    directories.unshift(directory);
    if (dirname(directory) === directory) break;
  }
  for (const directory of directories) {
    const path = join(directory, 'choria.conf');
    if (!(await exists(path, platform))) continue;
    builder.read(await readConfigFile(path, platform), {place: path, typed: true});
    builder.parsedFiles.push(path);
  }
}
