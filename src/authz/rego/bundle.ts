/** Takes the compiled policy out of the bundle that `opa build` writes: a gzipped tar file. */
import {gunzipSync} from 'node:zlib';
import {authzLimits} from '../limits.ts';

const blockBytes = 512;

/** @returns undefined when there is no such file in it or it is no such file */
export function readBundleFile(bundle: Uint8Array, name: string): Buffer | undefined {
  const tar = gunzipSync(bundle, {maxOutputLength: authzLimits.bundleBytesMax});
  for (let at = 0; at + blockBytes <= tar.length; ) {
    const header = tar.subarray(at, at + blockBytes);
    const entry = textOf(header.subarray(0, 100)).replace(/^\.?\//, '');
    const size = Number.parseInt(textOf(header.subarray(124, 136)), 8);
    if (entry === '' || !Number.isSafeInteger(size) || size < 0) return undefined;
    const start = at + blockBytes;
    if (entry === name) return start + size <= tar.length ? tar.subarray(start, start + size) : undefined;
    at = start + Math.ceil(size / blockBytes) * blockBytes;
  }
  return undefined;
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return field
    .subarray(0, end === -1 ? field.length : end)
    .toString('latin1')
    .trim();
}
