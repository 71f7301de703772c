/** Builds the chosen discovery method from the configuration. */
import type {Config} from '../config/types.ts';
import {
  createBroadcastMethod,
  createExternalMethod,
  createFlatfileMethod,
  createInventoryMethod,
  defaultDiscoveryOptions,
  DiscoveryError,
  type DiscoveryMethod,
  type DiscoveryProbe,
  type Selection,
} from '../discovery/index.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {parseFactFilter} from '../protocol/index.ts';
import {compileNodeFilter} from './node-filter.ts';
import {queryJson} from './json-query.ts';

export interface MethodParts {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly probe: DiscoveryProbe;
}

export async function discoveryMethod(selection: Selection, parts: MethodParts): Promise<DiscoveryMethod> {
  const {config, platform, logger, probe} = parts;
  switch (selection.method) {
    case 'mc':
      return createBroadcastMethod({probe, clock: platform.clock});
    case 'flatfile':
      return createFlatfileMethod({
        files: platform.files,
        file: selection.file,
        format: selection.format,
        text: selection.text,
        query: queryJson,
      });
    case 'inventory':
      return createInventoryMethod({
        files: platform.files,
        source: textOf(config.get('plugin.choria.discovery.inventory.source')),
        homeDirectory: platform.host.homeDirectory,
        compileFilter: compileNodeFilter,
        parseFact: parseFactFilter,
      });
    case 'external':
      return createExternalMethod({
        platform,
        logger,
        command: textOf(config.get('plugin.choria.discovery.external.command')),
      });
    case 'choria':
      throw new DiscoveryError('ERR_DISCOVERY_METHOD', 'PuppetDB discovery cannot be used by this client');
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** `--do`, else the configured defaults. */
export function methodOptionsFor(
  given: Readonly<Record<string, string>> | undefined,
  config: Config,
): ReturnType<typeof defaultDiscoveryOptions> {
  if (given !== undefined && Object.keys(given).length > 0) return {options: given, notes: []};
  const entries = config.get('default_discovery_options');
  return defaultDiscoveryOptions(Array.isArray(entries) ? (entries as readonly string[]) : []);
}
