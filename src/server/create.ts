/**
 * Makes a server from a configuration; every part may be replaced by the program that embeds it.
 */
import {createAgentsOfFiles, createBuiltinAgents, createDataPlugins} from '../agents/index.ts';
import {createAuthorizer} from '../authz/index.ts';
import type {Config} from '../config/types.ts';
import {
  chooseSecurityProvider,
  type Connection,
  connectSecurity,
  createSecurityProvider,
  openConnection,
  type OpenConnectionOptions,
  securitySwitches,
  serverSource,
} from '../connect/index.ts';
import type {SecurityProvider} from '../crypto/index.ts';
import {silentLogger, type Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {version as programVersion} from '../lib/version.ts';
import {
  createFileReplayStore,
  createFilterMatcher,
  createReplayGuard,
  type Filter,
  type FilterMatcher,
  inboxPrefix,
  isEmptyFilter,
  nodeSubject,
} from '../protocol/index.ts';
import {createAuditor} from '../rpc/index.ts';
import type {Agent, Auditor, Authorizer, NodeContext} from '../rpc/types.ts';
import {createClassSource} from './classes.ts';
import {ServerError} from './errors.ts';
import {createFactSource, factPaths} from './facts.ts';
import {acquireInstanceLock} from './instance-lock.ts';
import type {AdmissionGuard} from './pipeline-types.ts';
import {provisionAgent, type ServerProvisioning, waitingServerOptions} from './provisioning.ts';
import type {RegistrationSource} from './registration/start.ts';
import {createServerFromParts, ttlCeilingSeconds} from './server.ts';
import {prepareStateDirectory, serverStatePaths} from './state-directory.ts';
import type {AgentProviderMaker, ChoriaServer, ServerDataPlugins, ServerParts, SharedResources} from './types.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly platform: Platform;
  /** Nothing is logged without one. */
  readonly logger?: Logger;
  /** Shown in lifecycle events; the version of this package when left out. */
  readonly version?: string;
  /** Name in lifecycle events; `server` when left out. */
  readonly component?: string;
  /** Agents of the embedding program, besides the built-in ones. */
  readonly agents?: readonly Agent[];
  /** False leaves `discovery`, `rpcutil` and `choria_util` out. */
  readonly builtinAgents?: boolean;
  /** In place of the providers of external and Ruby agents. */
  readonly agentProviders?: readonly AgentProviderMaker[];
  readonly deniedAgents?: readonly string[];
  /** Registration data of the embedding program, besides what the setting `registration` names; published each `registerinterval`. */
  readonly registration?: readonly RegistrationSource[];
  /** In place of the files of `plugin.yaml`; asked at each use. */
  readonly facts?: () => Promise<Readonly<Record<string, unknown>>>;
  /** In place of the file of `classesfile`; asked at each use. */
  readonly classes?: () => Promise<readonly string[]>;
  readonly data?: ServerDataPlugins;
  /** In place of what `plugin.security.provider` names. */
  readonly provider?: SecurityProvider;
  /** In place of a connection to the brokers that the configuration names. */
  readonly connect?: (options: OpenConnectionOptions) => Promise<Connection>;
  /** Such as `localAddress`, or TLS switched off. */
  readonly connectOptions?: Partial<OpenConnectionOptions>;
  readonly authorizer?: Authorizer;
  readonly auditor?: Auditor;
  /** Switches of the command line that turn TLS or its checks off; only for tests of other parts. */
  readonly insecure?: {readonly tls: boolean; readonly verifyTls: boolean};
  /** Only service agents, and no node subject. */
  readonly serviceHost?: boolean;
  /**
   * `disk`: no request runs twice, also after a crash, and only one server of an identity runs on the machine. `memory`: for tests and
   * emulation, forgets at the end of the process.
   */
  readonly memory?: 'disk' | 'memory';
  /** What the servers of one process have in common. */
  readonly shared?: SharedResources;
  /** Parts made once for many servers of one configuration, by `createSharedParts`. */
  readonly sharedParts?: SharedParts;
  /** For machines with a provisioning token; `prepareServerStart` of `provision` tells. */
  readonly provisioning?: ServerProvisioning;
}

/** What does not depend on which node it is for. */
export interface SharedParts {
  readonly builtinAgents: readonly Agent[];
  readonly data: ServerDataPlugins;
  readonly authorizer: Authorizer | undefined;
  readonly auditor: Auditor | undefined;
  readonly filters: FilterMatcher;
}

export async function createSharedParts(options: {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly version: string;
}): Promise<SharedParts> {
  const {config, platform, logger, version} = options;
  return {
    builtinAgents: createBuiltinAgents({version}),
    data: createDataPlugins({version}),
    authorizer: await createAuthorizer(config, {platform, logger, ...compiledPolicies(config, platform)}),
    auditor: await createAuditor(config, {platform, logger}),
    filters: createFilterMatcher(),
  };
}

/** Where compiled policies are kept; a user without a home keeps them in memory only. */
function compiledPolicies(config: Config, platform: Platform): {readonly cacheDirectory?: string} {
  try {
    return {cacheDirectory: `${serverStatePaths(config, platform).directory}/rego`};
  } catch (error) {
    if (error instanceof ServerError) return {};
    throw error;
  }
}

/**
 * @returns a server that is not started
 * @throws {ConnectError} `ERR_CONNECT_SETTING` when the security set-up cannot be used
 * @throws {ServerError} `ERR_SERVER_IDENTITY`, `ERR_SERVER_STATE_DIRECTORY`
 * @example
 * const platform = createNodePlatform();
 * const config = await loadConfig({platform, mode: 'server', path: '/etc/choria/server.conf'});
 * await using server = await createServer({config, platform, logger, agents: [myAgent]});
 * await server.start();
 */
export async function createServer(options: ServerOptions): Promise<ChoriaServer> {
  const {provisioning} = options;
  if (provisioning === undefined) return createServerFromParts(await makeParts(options));
  let server: ChoriaServer | undefined;
  const agent = provisionAgent(provisioning, {
    version: options.version ?? programVersion,
    publishEvent: (event) => server?.publishEvent(event),
  });
  const withAgent = {...options, agents: [...(options.agents ?? []), agent]};
  const secureProvider = (): Promise<SecurityProvider> =>
    chooseSecurityProvider(options.config, {
      platform: options.platform,
      mode: 'server',
      logger: options.logger ?? silentLogger,
    });
  const complete = provisioning.isProvisioning
    ? {...withAgent, ...(await waitingServerOptions(withAgent, provisioning, secureProvider))}
    : withAgent;
  server = createServerFromParts({
    ...(await makeParts(complete)),
    provisioning: provisioning.isProvisioning,
    upgradable: provisioning.target.mayUpdate,
  });
  return server;
}

async function makeParts(options: ServerOptions): Promise<ServerParts> {
  const {config, platform, shared = {}, serviceHost = false} = options;
  const identity = config.get('identity');
  checkIdentity(identity, config);
  const base = options.logger ?? silentLogger;
  const logger = serviceHost ? base.child({service_host: true}) : base;
  const version = options.version ?? programVersion;
  const provider =
    options.provider ??
    (await createSecurityProvider(config, {
      platform,
      mode: 'server',
      logger,
      ...(shared.proofs === undefined ? {} : {proofs: shared.proofs}),
    }));
  const made = options.sharedParts ?? (await createSharedParts({config, platform, logger, version}));
  // Servers of one process that share their parts have no data plugins of files; nor has a host of services.
  const fileData =
    options.data === undefined && options.sharedParts === undefined && !serviceHost
      ? createDataPlugins({version})
      : undefined;
  const data = options.data ?? fileData ?? made.data;
  const builtin = options.builtinAgents === false ? [] : made.builtinAgents;
  return {
    config,
    platform,
    logger,
    identity,
    collectives: config.get('collectives'),
    mainCollective: config.get('main_collective'),
    version,
    component: options.component ?? (serviceHost ? 'service_host' : 'server'),
    provider,
    connect: (hooks) => connectServer(options, {provider, logger, hooks}),
    facts: factSource(options, logger),
    classes: classSource(options, logger),
    matches: filterMatching(made.filters, data),
    agents: [...builtin, ...(options.agents ?? [])],
    agentProviders: options.agentProviders ?? [
      (parts) => createAgentsOfFiles({...parts, ...(fileData === undefined ? {} : {data: fileData})}),
    ],
    deniedAgents: options.deniedAgents ?? [],
    ...(options.registration === undefined ? {} : {registration: options.registration}),
    serviceHost,
    data,
    authorizer: options.authorizer ?? made.authorizer,
    auditor: options.auditor ?? made.auditor,
    ...memoryParts(options, logger),
    shared,
  };
}

function filterMatching(filters: FilterMatcher, data: ServerDataPlugins): ServerParts['matches'] {
  let names: readonly string[] | undefined;
  let functions: Readonly<Record<string, {readonly takesQuery: boolean}>> = {};
  const matched = async (filter: Filter, node: NodeContext): Promise<boolean> => {
    // Plugins that come from files come and go; a list that changed is another list.
    if (names !== data.names()) {
      names = data.names();
      functions = Object.fromEntries(names.map((name) => [name, {takesQuery: data.get(name)?.takesQuery ?? false}]));
    }
    const verdict = await filters.match(filter, {
      identity: node.identity,
      agents: () => node.agents().map((agent) => agent.name),
      classes: () => node.classes(),
      factsJson: () => node.factsJson(),
      data: {functions, call: (name, query) => data.run(name, query, node)},
    });
    return verdict.matched;
  };
  return (filter, {node}) => isEmptyFilter(filter) || matched(filter, node);
}

/** The identity becomes part of a subject and of file names. */
function checkIdentity(identity: string, config: Config): void {
  try {
    nodeSubject(config.get('main_collective'), identity);
  } catch (cause) {
    throw new ServerError(
      'ERR_SERVER_IDENTITY',
      `Cannot start a server with the identity ${JSON.stringify(identity)}: expected a host name, set by "identity" in ${config.path ?? 'the configuration'}`,
      {cause},
    );
  }
}

function factSource(options: ServerOptions, logger: Logger): () => Promise<Buffer> {
  const {facts, config, platform} = options;
  if (facts !== undefined) return async () => Buffer.from(JSON.stringify(await facts()));
  const paths = factPaths(config.get('plugin.yaml'), platform.host.platform);
  const source = createFactSource({files: platform.files, paths, logger});
  return () => source.json();
}

function classSource(options: ServerOptions, logger: Logger): () => Promise<readonly string[]> {
  const {classes, config, platform} = options;
  if (classes !== undefined) return classes;
  const source = createClassSource({files: platform.files, path: config.get('classesfile'), logger});
  return () => source.list();
}

function memoryParts(options: ServerOptions, logger: Logger): Pick<ServerParts, 'openGuard' | 'acquireLock'> {
  const {config, platform} = options;
  const ceiling = {clock: platform.clock, ttlCeilingSeconds: ttlCeilingSeconds(config)};
  if (options.memory === 'memory') return {openGuard: () => createReplayGuard(ceiling)};
  const paths = serverStatePaths(config, platform);
  return {
    acquireLock: async () => {
      await prepareStateDirectory(paths.directory, platform);
      return acquireInstanceLock({platform, logger, directory: paths.directory, identity: config.get('identity')});
    },
    openGuard: async (): Promise<AdmissionGuard> => {
      const guard = await createReplayGuard({
        ...ceiling,
        store: createFileReplayStore({files: platform.files, path: paths.replay}),
        onStoreProblem: (error) => logger.error(`Could not clean up ${paths.replay}: ${String(error)}`),
      });
      if (guard.damagedLines > 0) {
        logger.warn(
          `${guard.damagedLines} lines of ${paths.replay} are damaged: requests sent before now are refused, as it is not known whether they ran`,
        );
      }
      return guard;
    },
  };
}

function connectServer(
  options: ServerOptions,
  parts: {
    readonly provider: SecurityProvider;
    readonly logger: Logger;
    readonly hooks: Pick<OpenConnectionOptions, 'events' | 'signal' | 'attemptFailed'>;
  },
): Promise<Connection> {
  const {config, platform, shared} = options;
  const {provider, logger, hooks} = parts;
  const connect = options.connect ?? openConnection;
  return connect({
    platform,
    logger,
    name: provider.certname,
    servers: serverSource(config, {platform, logger}),
    ...connectSecurity(config, {
      provider,
      logger,
      switches: {...securitySwitches({platform, mode: 'server', logger}), ...options.insecure},
    }),
    inboxPrefix: inboxPrefix(config.get('main_collective'), config.get('identity')),
    connectTimeoutMs: config.get('plugin.choria.network.connect_timeout'),
    ...(shared?.heartbeats === undefined ? {} : {heartbeats: shared.heartbeats}),
    ...(shared?.turns === undefined ? {} : {turns: shared.turns}),
    ...hooks,
    ...options.connectOptions,
  });
}
