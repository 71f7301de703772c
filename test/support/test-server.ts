/**
 * One real server on a connection that a test holds in its hands, and requests as a real caller signs them.
 *
 *     await using node = await startTestServer({agents: [counterAgent()]});
 *     node.deliver(await signedRequest({agent: 'counter', body: '{}'}));
 *     await node.settled();
 *     expect(node.replies()).toHaveLength(1);
 */
import {readFileSync} from 'node:fs';
import {configFromEntries} from '../../src/config/index.ts';
import type {Connection, ConnectionState, MiddlewareMessage, PublishOptions} from '../../src/connect/index.ts';
import {createMemoryProvider, type SecurityProvider} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {encodeHeaders} from '../../src/natswire/index.ts';
import {
  createReplayGuard,
  encodeRequest,
  encodeTransport,
  type Filter,
  type NewRequest,
  notesWanted,
  openReply,
  openTransport,
  type Reply,
} from '../../src/protocol/index.ts';
import type {Agent, ServerStatistics} from '../../src/rpc/types.ts';
import {createServerFromParts} from '../../src/server/server.ts';
import type {ChoriaServer, ServerParts} from '../../src/server/types.ts';
import {createRecordingLogger, type RecordingLogger} from './recording-logger.ts';

const pki = (name: string): string => readFileSync(new URL(`../fixtures/pki/${name}`, import.meta.url), 'utf8');

/** A provider with the certificate of `test/fixtures/pki`. */
export function testProvider(name: string, certname: string): SecurityProvider {
  return createMemoryProvider({
    certname,
    certificatePem: pki(`${name}.pem`),
    keyPem: pki(`${name}.key`),
    caPem: pki('ca.pem'),
  });
}

export interface Published {
  readonly subject: string;
  readonly payload: Buffer;
  readonly headers?: PublishOptions['headers'];
}

/** A connection without a broker: what is published is kept, what is delivered comes from the test. */
export class HandHeldConnection implements Connection {
  state: ConnectionState = 'connected';
  connectedServer: string | undefined = 'nats://broker.example.net:4222';
  readonly published: Published[] = [];
  readonly subjects = new Map<
    string,
    {readonly queue: string | undefined; readonly handler: (message: MiddlewareMessage) => void}
  >();
  readonly stats = {inMessages: 0, outMessages: 0, inBytes: 0, outBytes: 0, reconnects: 0};
  onPublish: (() => void) | undefined;

  publish(subject: string, payload: Uint8Array, options?: PublishOptions): void {
    const headers = options?.headers;
    this.published.push({subject, payload: Buffer.from(payload), ...(headers === undefined ? {} : {headers})});
    this.onPublish?.();
  }

  subscribe(subject: string, handler: (message: MiddlewareMessage) => void, options: {readonly queue?: string} = {}) {
    this.subjects.set(subject, {queue: options.queue, handler});
    return {subject, unsubscribe: () => void this.subjects.delete(subject)};
  }

  request(): Promise<MiddlewareMessage> {
    return Promise.reject(new Error('nobody answers here'));
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    this.state = 'closed';
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export interface TestServer extends AsyncDisposable {
  readonly server: ChoriaServer;
  readonly connection: HandHeldConnection;
  readonly logger: RecordingLogger;
  readonly statistics: () => ServerStatistics;
  /** As if it came from the broker, on the node's own subject unless told otherwise. */
  deliver(message: Uint8Array, subject?: string, options?: {readonly wantsNotes: boolean}): void;
  /** Everything published but lifecycle events. */
  replies(): readonly Published[];
  /** Resolves when every message delivered so far has come to its one end. */
  settled(): Promise<void>;
}

export interface TestServerOptions {
  readonly agents?: readonly Agent[];
  readonly platform?: Platform;
  readonly entries?: Readonly<Record<string, string>>;
  readonly parts?: Partial<ServerParts>;
  /** Told what the server wants to hear of its connection. */
  readonly hooked?: (hooks: Parameters<ServerParts['connect']>[0]) => void;
}

export const testIdentity = 'node1.example.net';
export const replyTo = 'mcollective.reply.0123456789abcdef.req';

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const platform = options.platform ?? createNodePlatform();
  const config = await configFromEntries(
    {identity: testIdentity, collectives: 'mcollective,other', ...options.entries},
    {platform, mode: 'server'},
  );
  const connection = new HandHeldConnection();
  const logger = createRecordingLogger();
  const server = createServerFromParts({
    config,
    platform,
    logger,
    identity: testIdentity,
    collectives: config.get('collectives'),
    mainCollective: config.get('main_collective'),
    version: '9.9.9',
    component: 'server',
    provider: testProvider('node1', testIdentity),
    connect: (hooks) => {
      options.hooked?.(hooks);
      return Promise.resolve(connection);
    },
    facts: () => Promise.resolve(Buffer.from('{}')),
    classes: () => Promise.resolve([]),
    matches: (filter) => Promise.resolve(filter.identities.length === 0 || filter.identities.includes(testIdentity)),
    agents: options.agents ?? [],
    agentProviders: [],
    deniedAgents: [],
    serviceHost: false,
    data: {names: () => [], get: () => undefined, run: () => Promise.reject(new Error('no data plugins here'))},
    authorizer: undefined,
    auditor: undefined,
    openGuard: () => createReplayGuard({clock: platform.clock}),
    shared: {},
    ...options.parts,
  });
  await server.start();
  const statistics = (): ServerStatistics => server.node.statistics();
  return {
    server,
    connection,
    logger,
    statistics,
    deliver(message, subject = `mcollective.node.${testIdentity}`, wish) {
      const handler = connection.subjects.get(subject)?.handler;
      if (handler === undefined) throw new Error(`the server is not subscribed to ${subject}`);
      const headers = wish?.wantsNotes === true ? encodeHeaders(new Map(Object.entries(notesWanted))) : undefined;
      handler({subject, replyTo: undefined, headers, payload: Buffer.from(message)});
    },
    replies: () => connection.published.filter(({subject}) => !subject.startsWith('choria.lifecycle.')),
    async settled() {
      for (let quiet = 0, seen = ''; quiet < 5; ) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        const now = JSON.stringify([statistics(), connection.published.length]);
        quiet = now === seen ? quiet + 1 : 0;
        seen = now;
      }
    },
    [Symbol.asyncDispose]: () => server.stop({graceMs: 0}),
  };
}

const alice = testProvider('alice', 'alice.mcollective');

/** A transport message that `alice.mcollective` signed, unless another provider is given. */
export async function signedRequest(
  request: Partial<Omit<NewRequest, 'body' | 'filter'>> & {
    readonly body?: string;
    readonly filter?: Partial<Filter>;
    readonly provider?: SecurityProvider;
    readonly replyTo?: string | undefined;
  } = {},
): Promise<Buffer> {
  const {provider = alice, body = '{}', filter, ...fields} = request;
  const payload = await encodeRequest(
    {
      id: newId(),
      senderId: 'dev1.example.net',
      collective: 'mcollective',
      agent: 'counter',
      ttlSeconds: 60,
      sentAtMs: Date.now(),
      ...fields,
      filter: {facts: [], classes: [], agents: [], identities: [], compounds: [], ...filter},
      body: Buffer.from(body),
    },
    {provider},
  );
  const target = 'replyTo' in request ? request.replyTo : replyTo;
  return encodeTransport({
    version: 1,
    payload,
    senderId: 'dev1.example.net',
    trace: [],
    ...(target === undefined ? {} : {replyTo: target}),
  });
}

export function newId(): string {
  return crypto.randomUUID().replaceAll('-', '');
}

export function openPublished(published: Published): Reply {
  return openReply(openTransport(published.payload));
}

/** An agent that counts its calls and answers with `work`. */
export function countingAgent(
  options: {
    readonly name?: string;
    readonly timeoutSeconds?: number;
    readonly service?: boolean;
    readonly work?: Agent['handle'];
  } = {},
): Agent & {readonly calls: () => number} {
  let calls = 0;
  return {
    metadata: {
      name: options.name ?? 'counter',
      description: 'counts',
      author: 'test',
      license: 'Apache-2.0',
      version: '1.0.0',
      url: 'https://example.net',
      timeoutSeconds: options.timeoutSeconds ?? 10,
      provider: 'golang',
      service: options.service ?? false,
    },
    calls: () => calls,
    handle(call) {
      calls++;
      return options.work?.(call) ?? Promise.resolve(Buffer.from(`call ${calls}`));
    },
  };
}
