/**
 * Registration: a server publishes a file or its inventory at intervals, for stream adapters and databases; nobody answers.
 *
 * Published as an ordinary signed request to the agent `registration`, so that whoever reads it can prove which node it came from.
 */
import type {Connection} from '../../connect/index.ts';
import type {SecurityProvider} from '../../crypto/index.ts';
import {
  broadcastSubject,
  encodeRequest,
  encodeTransport,
  isPublishSubject,
  newRequestId,
  nowhereSubject,
  protocolVersionOf,
} from '../../protocol/index.ts';
import type {NodeContext} from '../../rpc/types.ts';
import {ServerError} from '../errors.ts';
import {serverLimits} from '../limits.ts';
import type {ServerStatus} from '../status-file.ts';
import {createFileContent, createInventoryContent, type RegistrationContent} from './content.ts';
import {type RegistrationTiming, type Registrator, startRegistrator} from './registrator.ts';

/** Registration data of an embedding program, published like that of the settings. */
export interface RegistrationSource {
  /** For the log. */
  readonly name: string;
  /** In place of the agent `registration` of the registration collective. */
  readonly subject?: string;
  /** The body, made anew each time. */
  read(): Promise<Buffer | string>;
}

export interface RegistrationOptions {
  readonly sources?: readonly RegistrationSource[];
  readonly node: NodeContext;
  readonly connection: Pick<Connection, 'state' | 'publish'>;
  readonly provider: SecurityProvider;
  readonly status: () => ServerStatus;
  /** Of the program. */
  readonly version: string;
}

const kinds = ['file_content', 'inventory_content'] as const;
type RegistrationKind = (typeof kinds)[number];

/**
 * Starts what the setting `registration` names; undefined when that is nothing.
 *
 * @throws {ServerError} `ERR_SERVER_REGISTRATION` for settings that can never work
 */
export function startRegistration(options: RegistrationOptions): Registrator | undefined {
  const {config, platform, logger} = options.node;
  const configured = configuredKinds(config.get('registration')).map((kind) => ({
    name: kind,
    content: createContent(kind, options),
    publish: createPublisher(registrationSubject(kind, options.node), options),
  }));
  const own = (options.sources ?? []).map((source) => ({
    name: source.name,
    content: {read: async () => Buffer.from(await source.read())},
    publish: createPublisher(sourceSubject(source, options.node), options),
  }));
  const registrators = [...configured, ...own];
  // The settings are judged before anything starts, and also when the interval turns registration off.
  if (registrators.length === 0 || config.get('registerinterval') <= 0) return undefined;
  const timing = registrationTiming(options.node);
  const started = registrators.map((registrator) =>
    startRegistrator({
      ...registrator,
      timing,
      isConnected: () => options.connection.state === 'connected',
      clock: platform.clock,
      random: platform.random,
      logger,
    }),
  );
  return {
    async stop() {
      await Promise.all(started.map((registrator) => registrator.stop()));
    },
  };
}

function configuredKinds(names: readonly string[]): readonly RegistrationKind[] {
  const wanted = new Set(names.map((name) => name.trim()).filter((name) => name !== ''));
  for (const name of wanted) {
    if (!kinds.some((kind) => kind === name)) {
      throw new ServerError('ERR_SERVER_REGISTRATION', `unknown registration plugin: [${name}]`);
    }
  }
  return kinds.filter((kind) => wanted.has(kind));
}

function createContent(kind: RegistrationKind, options: RegistrationOptions): RegistrationContent {
  const {node, status, version} = options;
  const isCompressed = node.config.get(`plugin.choria.registration.${kind}.compression`);
  if (kind === 'inventory_content') return createInventoryContent({node, status, version, isCompressed});
  const path = node.config.get('plugin.choria.registration.file_content.data');
  if (path === '') {
    throw new ServerError(
      'ERR_SERVER_REGISTRATION',
      // Letter for letter what operators search for, its slip included.
      'file fontent registration is enabled but no source data is configured, please set plugin.choria.registration.file_content.data',
    );
  }
  return createFileContent({files: node.platform.files, path, isCompressed});
}

function registrationSubject(kind: RegistrationKind, node: NodeContext): string {
  const key = `plugin.choria.registration.${kind}.target` as const;
  const target = node.config.get(key);
  if (target === '') return broadcastSubject(registrationCollective(node), 'registration');
  if (isPublishSubject(target)) return target;
  throw new ServerError(
    'ERR_SERVER_REGISTRATION',
    `Cannot publish registration data on the subject ${JSON.stringify(target)}: expected a subject without blanks and wildcards, set by "${key}" in ${node.config.path ?? 'the configuration'}`,
  );
}

function sourceSubject({name, subject}: RegistrationSource, node: NodeContext): string {
  if (subject === undefined) return broadcastSubject(registrationCollective(node), 'registration');
  if (isPublishSubject(subject)) return subject;
  throw new ServerError(
    'ERR_SERVER_REGISTRATION',
    `Cannot publish the registration data "${name}" on the subject ${JSON.stringify(subject)}: expected a subject without blanks and wildcards`,
  );
}

function registrationCollective({config, mainCollective}: NodeContext): string {
  return config.get('registration_collective') || mainCollective;
}

function createPublisher(subject: string, options: RegistrationOptions): (body: Buffer) => Promise<void> {
  const {node, connection, provider} = options;
  const {clock, random} = node.platform;
  const version = protocolVersionOf(provider);
  return async (body) => {
    const sentAtMs = clock.nowMs();
    const payload = await encodeRequest(
      {
        id: newRequestId(version, {random, nowMs: sentAtMs}),
        senderId: node.identity,
        collective: registrationCollective(node),
        agent: 'registration',
        ttlSeconds: node.config.get('ttl'),
        sentAtMs,
        body,
      },
      {provider},
    );
    const transport = {version, payload, replyTo: nowhereSubject, senderId: node.identity, trace: []} as const;
    connection.publish(subject, encodeTransport(transport));
  };
}

function registrationTiming({config}: NodeContext): RegistrationTiming {
  const milliseconds = (seconds: number): number =>
    Math.min(Math.max(seconds * 1000, serverLimits.registrationPollMsMin), serverLimits.registrationIntervalMsMax);
  return {
    intervalMs: milliseconds(config.get('registerinterval')),
    hasSplay: config.get('registration_splay'),
    sizeTriggerBytes: config.get('plugin.choria.registration.size_trigger'),
    sizeIntervalMs: milliseconds(config.get('plugin.choria.registration.size_interval')),
  };
}
