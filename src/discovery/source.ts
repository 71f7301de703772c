/** Reads and parses the files that discovery uses: bounded, plain data, with the place in every error. */
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {yaml} from '../lib/yaml.ts';
import {DiscoveryError} from './errors.ts';
import {discoveryLimits} from './limits.ts';

export async function readSource(files: Files, path: string): Promise<string> {
  try {
    return (await files.read(path, {limitBytes: discoveryLimits.sourceBytesMax})).toString('utf8');
  } catch (error) {
    const code = (error as {code?: unknown}).code;
    if (code === 'ENOENT') {
      throw new DiscoveryError('ERR_DISCOVERY_SOURCE', `discovery source ${JSON.stringify(path)} does not exist`, {
        cause: error,
        details: {path},
      });
    }
    throw new DiscoveryError(
      'ERR_DISCOVERY_READ',
      `Cannot read the nodes in ${JSON.stringify(path)}: ${errorMessage(error)}`,
      {
        cause: error,
        details: {path},
      },
    );
  }
}

export type DocumentFormat = 'json' | 'yaml';

export function parseDocument(
  text: string,
  options: {readonly format: DocumentFormat; readonly source: string},
): unknown {
  const {format, source} = options;
  try {
    return format === 'json' ? JSON.parse(text) : yaml().parse(text, {maxAliasCount: 100});
  } catch (error) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_READ',
      `Cannot parse ${source} as ${format.toUpperCase()}: ${errorMessage(error)}`,
      {
        cause: error,
        details: {source},
      },
    );
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
