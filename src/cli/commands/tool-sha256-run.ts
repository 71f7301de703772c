/** Checksums a directory, or checks it against checksums made earlier. */
import {createHash} from 'node:crypto';
import {join} from 'node:path';
import {compareBytes} from '../../lib/go-text.ts';
import type {Files} from '../../lib/platform.ts';
import {compileRegex} from '../../lib/regex.ts';
import {CliError} from '../errors.ts';
import {checksumFileBytesMax, checksumFilesMax, inputFileBytesMax} from '../limits.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {requireDirectory, requireFile} from './existing.ts';

/** Relative path, with slashes, to checksum in lower-case hex. */
export type Checksums = ReadonlyMap<string, string>;

async function listFiles(files: Files, root: string, found: string[], below = ''): Promise<void> {
  for (const entry of await files.list(join(root, below))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.kind === 'directory') await listFiles(files, root, found, path);
    else if (entry.kind === 'file') found.push(path);
    if (found.length > checksumFilesMax) {
      throw new CliError('ERR_CLI_FAILED', `Cannot checksum "${root}": more than ${checksumFilesMax} files`);
    }
  }
}

/** Links are left out: what they point to may lie outside of the directory. */
export async function checksumDirectory(
  files: Files,
  options: {readonly directory: string; readonly isIgnored: (path: string) => boolean},
): Promise<Checksums> {
  const found: string[] = [];
  await listFiles(files, options.directory, found);
  const sums = new Map<string, string>();
  for (const path of found.filter((item) => !options.isIgnored(item)).sort(compareBytes)) {
    const bytes = await files.read(join(options.directory, path), {limitBytes: checksumFileBytesMax});
    sums.set(path, createHash('sha256').update(bytes).digest('hex'));
  }
  return sums;
}

/** @throws {CliError} with the line that is not a checksum, two spaces and a path */
export function parseChecksums(text: string, place: string): Checksums {
  const sums = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const match = /^([0-9a-fA-F]{64}) [ *](.+)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) {
      const text = `Cannot read checksums in ${place}:${index + 1}: expected 64 hexadecimal digits, two spaces and a path`;
      throw new CliError('ERR_CLI_FAILED', text);
    }
    sums.set(match[2], match[1].toLowerCase());
  }
  return sums;
}

/** Paths that were changed, added or removed, sorted. */
export function changedPaths(wanted: Checksums, found: Checksums): readonly string[] {
  const paths = new Set([...wanted.keys(), ...found.keys()]);
  return [...paths].filter((path) => wanted.get(path) !== found.get(path)).sort(compareBytes);
}

function ignorePatterns(text: unknown): (path: string) => boolean {
  const patterns = typeof text === 'string' && text !== '' ? text.split(',').map((item) => compileRegex(item)) : [];
  return (path) => patterns.some((pattern) => pattern.test(path));
}

export async function runToolSha256(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {files} = context.platform;
  const directory = String(parsed.arguments['dir']);
  await requireDirectory(files, directory);
  const against = parsed.flags['validate'];
  if (typeof against === 'string') await requireFile(files, against);
  const found = await checksumDirectory(files, {directory, isIgnored: ignorePatterns(parsed.flags['ignore'])});
  if (typeof against !== 'string') {
    for (const [path, sum] of found) context.stdout.write(`${sum}  ${inertLine(path)}\n`);
    return 0;
  }
  const text = (await files.read(against, {limitBytes: inputFileBytesMax})).toString('utf8');
  const changed = changedPaths(parseChecksums(text, against), found);
  for (const path of changed) context.stdout.write(`${inertLine(path)}\n`);
  if (changed.length > 0) throw new CliError('ERR_CLI_FAILED', `directory did not validate using ${against}`);
  context.stdout.write(`Directory ${directory} validates correctly using ${against}\n`);
  return 0;
}
