/**
 * Which brokers a process connects to: settings, then DNS SRV records, then the name `puppet`.
 *
 * Asked anew before every attempt, so a change in DNS needs no restart. All look-ups together are bounded in time; a name server that
 * hangs or answers nonsense costs that time and no more (fault 58). Rules: server.md 4, client.md 3.
 */
import {readFact} from '../config/index.ts';
import type {Config} from '../config/types.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform, SrvRecord} from '../lib/platform.ts';
import {errorMessage} from '../lib/errors.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import type {ServerSource} from './links.ts';
import {parseServerUrl} from './server-url.ts';
import {isOn, listOf, textOf} from './settings.ts';

export interface ResolveOptions {
  readonly platform: Pick<Platform, 'names' | 'processes' | 'random' | 'clock' | 'env' | 'host' | 'files'>;
  readonly logger?: Logger;
  /** Replaces the configured federation collectives, as `--federations` does. */
  readonly federations?: readonly string[];
  /** Servers are never federated: they connect to the middleware of their own collective. */
  readonly ignoreFederation?: boolean;
  readonly signal?: AbortSignal;
}

const middlewareRecords = ['_mcollective-server._tcp', '_x-puppet-mcollective._tcp'] as const;
const federationRecords = ['_mcollective-federation_server._tcp', '_x-puppet-mcollective_federation._tcp'] as const;

/** The federation collectives in force: what was asked for, else `CHORIA_FED_COLLECTIVE`, else the setting. */
export function federationCollectives(
  config: Config,
  options: Pick<ResolveOptions, 'federations'> & {readonly platform: Pick<Platform, 'env'>},
): readonly string[] {
  if (options.federations !== undefined) return options.federations;
  const fromEnvironment = listOf((options.platform.env['CHORIA_FED_COLLECTIVE'] ?? '').split(','));
  if (fromEnvironment.length > 0) return fromEnvironment;
  return listOf(config.get('plugin.choria.federation.collectives'));
}

/**
 * The brokers to try, as URLs.
 *
 * @throws {ConnectError} `ERR_SERVER_URL` for a setting that is no address; `ERR_NO_SERVERS` when a federated process finds none
 */
export async function resolveServers(config: Config, options: ResolveOptions): Promise<readonly string[]> {
  return (await findServers(config, options)).servers;
}

/** `resolveServers` in the form that `openConnection` takes. */
export function serverSource(config: Config, options: ResolveOptions): ServerSource {
  return async ({signal}) => {
    const {servers, isInOrder} = await findServers(config, {...options, signal});
    return isInOrder ? {inOrder: servers} : servers;
  };
}

/** `isInOrder`: DNS gave priorities and weights, which hold at every attempt. */
async function findServers(
  config: Config,
  options: ResolveOptions,
): Promise<{readonly servers: readonly string[]; readonly isInOrder: boolean}> {
  const federated = !options.ignoreFederation && federationCollectives(config, options).length > 0;
  const setting = federated ? 'plugin.choria.federation_middleware_hosts' : 'plugin.choria.middleware_hosts';
  const configured = listOf(config.get(setting));
  if (configured.length > 0) return {servers: configured.map(checkedAddress), isInOrder: false};
  const found = await resolveSrv(config, {...options, records: federated ? federationRecords : middlewareRecords});
  if (found.length > 0) {
    return {servers: found.map(({name, port}) => `nats://${name.replace(/\.$/, '')}:${port}`), isInOrder: true};
  }
  if (!federated) return {servers: ['nats://puppet:4222'], isInOrder: false};
  throw new ConnectError(
    'ERR_NO_SERVERS',
    `Cannot find the brokers of the federation: ${setting} is not set and there are no SRV records ${federationRecords.join(', ')}`,
    {details: {setting}},
  );
}

/**
 * The first of some SRV records that has entries, in the order to try them; empty where `plugin.choria.use_srv` is off, nothing
 * is found, or the name servers do not answer in time.
 *
 * @example await resolveSrv(config, {platform, records: ['_x-puppet-db._tcp']}); // [{name: 'puppetdb.example.net', port: 8081, ...}]
 */
export async function resolveSrv(
  config: Config,
  options: Omit<ResolveOptions, 'federations' | 'ignoreFederation'> & {readonly records: readonly string[]},
): Promise<readonly SrvRecord[]> {
  if (!isOn(config.get('plugin.choria.use_srv'))) return [];
  const controller = new AbortController();
  const stop = (): void => controller.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', stop, {once: true});
  const timer = options.platform.clock.setTimer(
    () => controller.abort(new Error(`no answer in ${connectLimits.resolveTimeoutMs} ms`)),
    connectLimits.resolveTimeoutMs,
  );
  try {
    const domain = await srvDomain(config, {...options, signal: controller.signal});
    if (domain === '') {
      options.logger?.debug('No SRV look-ups: there is no domain to look in');
      return [];
    }
    for (const record of options.records) {
      if (controller.signal.aborted) return [];
      const servers = await lookUp(`${record}.${domain}`, {...options, signal: controller.signal});
      if (servers.length > 0) return servers;
    }
    return [];
  } finally {
    timer.cancel();
    options.signal?.removeEventListener('abort', stop);
  }
}

async function lookUp(
  name: string,
  options: ResolveOptions & {readonly signal: AbortSignal},
): Promise<readonly SrvRecord[]> {
  try {
    const records = await options.platform.names.resolveSrv(name, {signal: options.signal});
    return orderSrv(records.slice(0, connectLimits.serversMax), () => options.platform.random.float());
  } catch (error) {
    // Not having records is the usual case in most networks.
    options.logger?.debug(`SRV look-up of ${name} gave nothing: ${errorMessage(error)}`);
    return [];
  }
}

/** By priority; among equals drawn by weight, as RFC 2782 says. */
export function orderSrv(records: readonly SrvRecord[], random: () => number): readonly SrvRecord[] {
  const usable = records.filter((record) => record.name !== '' && record.name !== '.' && record.port > 0);
  const priorities = [...new Set(usable.map((record) => record.priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) => {
    const left = usable.filter((record) => record.priority === priority);
    const drawn: SrvRecord[] = [];
    while (left.length > 0) {
      const total = left.reduce((sum, record) => sum + record.weight + 1, 0);
      let point = random() * total;
      const index = left.findIndex((record) => (point -= record.weight + 1) < 0);
      drawn.push(...left.splice(Math.max(index, 0), 1));
    }
    return drawn;
  });
}

async function srvDomain(config: Config, options: ResolveOptions & {readonly signal: AbortSignal}): Promise<string> {
  const configured = textOf(config.get('plugin.choria.srv_domain'));
  if (configured !== '') return configured;
  const fromFacter = await readFact('networking.domain', options.platform);
  if (fromFacter !== '') return fromFacter;
  const {hostname} = options.platform.host;
  const dot = hostname.indexOf('.');
  return dot < 0 ? '' : hostname.slice(dot + 1);
}

/** The address as written, once it is known to be one; credentials in it stay. */
function checkedAddress(text: string): string {
  parseServerUrl(text);
  return text;
}
