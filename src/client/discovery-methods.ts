/** Builds the chosen discovery method from the configuration. */
import type {Config} from '../config/types.ts';
import {resolveSrv} from '../connect/index.ts';
import type {SecurityProvider} from '../crypto/types.ts';
import {
  createBroadcastMethod,
  createExternalMethod,
  createFlatfileMethod,
  createInventoryMethod,
  createPuppetDbMethod,
  defaultDiscoveryOptions,
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
  /** Holds our certificate; made only by the methods that need it. */
  readonly provider: () => Promise<SecurityProvider>;
}

export async function discoveryMethod(selection: Selection, parts: MethodParts): Promise<DiscoveryMethod> {
  const {config, platform, logger, probe, provider} = parts;
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
      return createPuppetDbMethod({
        http: platform.http,
        servers: (signal) => puppetDbServers(config, {platform, logger, signal}),
        tls: async () => (await provider()).tls,
      });
  }
}

/**
 * `host:port` of each PuppetDB to try: as configured, else by DNS, else the host `puppet`. Records of PuppetDB itself name the port;
 * those of Puppet in general only name the host.
 */
async function puppetDbServers(
  config: Config,
  options: {readonly platform: Platform; readonly logger: Logger; readonly signal: AbortSignal},
): Promise<readonly string[]> {
  const port = config.get('plugin.choria.puppetdb_port');
  const configured = textOf(config.get('plugin.choria.puppetdb_host'));
  if (configured !== undefined) return [`${configured}:${port}`];
  const ownRecords = await resolveSrv(config, {...options, records: ['_x-puppet-db._tcp']});
  if (ownRecords.length > 0) return ownRecords.map((record) => `${hostOf(record)}:${record.port}`);
  const found = await resolveSrv(config, {...options, records: ['_x-puppet._tcp']});
  return found.length === 0 ? [`puppet:${port}`] : found.map((record) => `${hostOf(record)}:${port}`);
}

/** The name without the dot that ends a full one. */
function hostOf({name}: {readonly name: string}): string {
  return name.replace(/\.$/, '');
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
