/** The connectivity part of `choria tool config`: collectives, names, and the servers that settings or DNS lead to. */
import {type Config, displayValue, findFacter, readFact} from '../../config/index.ts';
import {connectLimits, federationCollectives, resolveServers} from '../../connect/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Platform, SrvRecord} from '../../lib/platform.ts';
import {label} from './tool-config-lines.ts';

export interface ConnectivityOptions {
  readonly platform: Platform;
  readonly logger: Logger;
}

interface Surroundings extends ConnectivityOptions {
  readonly facter: string | undefined;
  /** Domain for SRV look-ups; empty when there is none. */
  readonly domain: string;
}

export async function* connectivityLines(config: Config, options: ConnectivityOptions): AsyncIterable<string> {
  const {platform} = options;
  const useSrv = config.get('plugin.choria.use_srv');
  const configuredDomain = config.get('plugin.choria.srv_domain');
  yield label('Main Collective', config.get('main_collective'));
  yield label('Collectives', config.get('collectives').join(', '));
  yield label('Service Registry', config.get('plugin.choria.services.registry.cache') || 'disabled');
  yield label('SRV Domain', useSrv ? configuredDomain : 'not enabled');
  const facter = await findFacter(platform);
  const facterDomain = facter === undefined ? '' : await readFact('networking.domain', platform);
  if (facter !== undefined) {
    yield label('Facter Command', facter);
    yield label('Facter Domain', facterDomain);
    yield label('Facter FQDN', await readFact('networking.fqdn', platform));
  }
  const surroundings: Surroundings = {...options, facter, domain: configuredDomain || facterDomain};
  yield label('PuppetDB Server', await puppetDbText(config, surroundings));
  const federations = federationCollectives(config, {platform});
  const brokers = await brokersText(config, {...surroundings, federated: federations.length > 0});
  yield label('Choria Brokers', brokers);
  if (federations.length === 0) {
    yield label('Federation Brokers', 'not federated');
    return;
  }
  yield label('Federation Brokers', brokers);
  yield label('Collectives', federations.join(', '));
}

/** Why DNS is not asked; undefined when it is. */
function srvProblem(config: Config, surroundings: Surroundings): string | undefined {
  if (!config.get('plugin.choria.use_srv')) return 'SRV lookups are disabled in the configuration file';
  const knowsDomain = config.get('plugin.choria.srv_domain') !== '' || surroundings.facter !== undefined;
  return knowsDomain ? undefined : 'could not find your facter command';
}

async function brokersText(config: Config, options: Surroundings & {readonly federated: boolean}): Promise<string> {
  const key = options.federated ? 'plugin.choria.federation_middleware_hosts' : 'plugin.choria.middleware_hosts';
  const configured = config.get(key);
  if (configured.length > 0) return configured.map((host) => displayValue(key, withScheme(host, 'nats'))).join(', ');
  const problem = srvProblem(config, options);
  if (problem !== undefined && options.federated) {
    return `could not resolve Federation Middleware Server SRV records: ${problem}`;
  }
  if (problem !== undefined) {
    options.logger.warn(`Could not resolve Middleware Server SRV records: ${problem}`);
    return 'nats://puppet:4222';
  }
  try {
    return (await resolveServers(config, {platform: options.platform, logger: options.logger})).join(', ');
  } catch (error) {
    return errorMessage(error);
  }
}

function withScheme(host: string, scheme: string): string {
  return host.includes('://') ? host : `${scheme}://${host}`;
}

async function puppetDbText(config: Config, surroundings: Surroundings): Promise<string> {
  const port = config.get('plugin.choria.puppetdb_port');
  const host = config.get('plugin.choria.puppetdb_host');
  if (host !== '') return `https://${host}:${port}`;
  if (!config.get('plugin.choria.use_srv')) return `https://puppet:${port}`;
  const problem = srvProblem(config, surroundings);
  if (problem !== undefined) return `could not resolve PuppetDB Server SRV records: ${problem}`;
  const own = await lookUp('_x-puppet-db._tcp', surroundings);
  if (own.length > 0) return own.map((record) => `https://${hostOf(record)}:${record.port}`).join(', ');
  // Puppet's own record names the port of the Puppet Server; only its host is of use here.
  const shared = await lookUp('_x-puppet._tcp', surroundings);
  if (shared.length > 0) return shared.map((record) => `https://${hostOf(record)}:${port}`).join(', ');
  return `https://puppet:${port}`;
}

function hostOf(record: SrvRecord): string {
  return record.name.replace(/\.$/, '');
}

async function lookUp(name: string, surroundings: Surroundings): Promise<readonly SrvRecord[]> {
  const {platform, domain} = surroundings;
  if (domain === '') return [];
  const controller = new AbortController();
  const timer = platform.clock.setTimer(
    () => controller.abort(new Error('no answer in time')),
    connectLimits.resolveTimeoutMs,
  );
  try {
    const records = await platform.names.resolveSrv(`${name}.${domain}`, {signal: controller.signal});
    return [...records]
      .sort((a, b) => a.priority - b.priority || b.weight - a.weight)
      .slice(0, connectLimits.serversMax);
  } catch (error) {
    surroundings.logger.debug(`SRV look-up of ${name}.${domain} gave nothing: ${errorMessage(error)}`);
    return [];
  } finally {
    timer.cancel();
  }
}
