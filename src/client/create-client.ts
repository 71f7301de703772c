import {federationCollectives} from '../connect/index.ts';
import {createDdlResolver} from '../ddl/index.ts';
import type {DdlResolver} from '../ddl/types.ts';
import {silentLogger} from '../lib/logger.ts';
import {FleetClient} from './client.ts';
import type {ClientOptions} from './types.ts';

/**
 * Makes a client for programs that act as an operator: the same configuration, certificates and rights as the command line.
 *
 * Nothing is connected before it is needed. Close it, or let `await using` do so.
 *
 * @throws nothing by itself; what is wrong with certificates or brokers comes from the first call that needs them
 * @example
 * const platform = createNodePlatform();
 * const config = await loadConfig({platform, mode: 'user', path: '/etc/choria/client.conf'});
 * await using client = createClient({config, platform});
 * const found = await client.discover({filter: {facts: ['country=mt']}});
 * const replies = client.request('rpcutil', 'ping', {}, {targets: found.identities});
 * for await (const reply of replies) process.stdout.write(`${reply.sender} ${reply.statusMessage}\n`);
 * const {noResponses} = await replies.finished;
 */
export function createClient(options: ClientOptions): FleetClient {
  const {config, platform, federations} = options;
  return new FleetClient({
    ...options,
    resolver: options.resolver ?? defaultResolver(options),
    federationNames: federationCollectives(config, {platform, ...(federations === undefined ? {} : {federations})}),
  });
}

/** Descriptions that come with the program, and those in the configured library directories. */
function defaultResolver(options: ClientOptions): DdlResolver {
  const {config, platform, logger = silentLogger} = options;
  const directories = [config.get('libdir'), config.get('plugin.choria.agent_provider.mcorpc.libdir')].flatMap(listOf);
  const cacheDirectory = config.get('plugin.choria.services.registry.cache');
  return createDdlResolver({
    files: platform.files,
    directories: [...new Set(directories)],
    ...(typeof cacheDirectory === 'string' && cacheDirectory !== '' ? {cacheDirectory} : {}),
    onProblem: (message) => logger.warn(message),
  });
}

function listOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}
