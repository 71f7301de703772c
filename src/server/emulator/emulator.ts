/**
 * Many real servers in one process: the same code that runs on a node, N times, against any broker.
 *
 * What can be shared without changing what a node does is shared: agents, policies, the verifier, opened requests, the keep-alive timer.
 */
import type {Config} from '../../config/types.ts';
import {
  connectLimits,
  createConnectTurns,
  createHeartbeats,
  createSecurityProvider,
  type OpenConnectionOptions,
} from '../../connect/index.ts';
import {createProofCache} from '../../crypto/index.ts';
import type {Logger} from '../../lib/logger.ts';
import {watchLateness} from '../../lib/patient-timer.ts';
import {type Platform, sleep} from '../../lib/platform.ts';
import {version as programVersion} from '../../lib/version.ts';
import {createRequestCache, createTransportCache} from '../../protocol/index.ts';
import type {Agent} from '../../rpc/types.ts';
import {createServer, createSharedParts, type SharedParts} from '../create.ts';
import {noCounts, type ServerCounts} from '../statistics.ts';
import type {ChoriaServer, SharedResources} from '../types.ts';
import {issuedCertificates, type NodeProviders, sharedCertificate} from './certificates.ts';
import {parseTemplate, type Template} from './template.ts';

export interface EmulatorOptions {
  readonly config: Config;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly count: number;
  /** Number of the first node. */
  readonly firstNumber?: number;
  /** Such as `node-{n:5}.example.net`. */
  readonly identity: string;
  readonly collectives?: readonly string[];
  /** Values are templates; `number` and `emulated` are always there. */
  readonly facts?: Readonly<Record<string, string>>;
  readonly classes?: readonly string[];
  readonly agents?: readonly Agent[];
  /** Each node gets its own certificate from this authority; without it all use the configuration's. */
  readonly authority?: {readonly certificatePem: string; readonly keyPem: string};
  /** Nodes that start in a second; 0 starts all at once. */
  readonly startsPerSecond?: number;
  /** Nodes that are on their way at once; those of several processes share the broker's patience. */
  readonly startsAtOnce?: number;
  /** Addresses to connect from, taken in turn: one has about 28,000 ports. */
  readonly localAddresses?: readonly string[];
  /** False connects in clear, whatever the configuration says. */
  readonly isTls?: boolean;
  readonly connectOptions?: Partial<OpenConnectionOptions>;
  readonly signal?: AbortSignal;
  /** Called after each start. */
  readonly progress?: (started: number) => void;
}

export interface EmulatorReport {
  readonly servers: number;
  readonly startMilliseconds: number;
}

export interface EmulatorTotals {
  readonly servers: number;
  readonly connected: number;
  readonly total: number;
  readonly passed: number;
  readonly filtered: number;
  readonly replies: number;
  readonly replayed: number;
  readonly refused: number;
}

export interface Emulator extends AsyncDisposable {
  readonly servers: readonly ChoriaServer[];
  start(): Promise<EmulatorReport>;
  totals(): EmulatorTotals;
  stop(): Promise<void>;
}

/** Starts under way at once: enough to keep the handshakes of one core busy, few enough that none of them takes long. */
const startsAtOnceDefault = 64;

/**
 * @throws {ServerError} `ERR_SERVER_TEMPLATE`
 */
export async function createEmulator(options: EmulatorOptions): Promise<Emulator> {
  const {config, platform, logger} = options;
  const templates = {
    identity: parseTemplate(options.identity),
    facts: Object.entries(options.facts ?? {}).map(([name, text]) => [name, parseTemplate(text)] as const),
    classes: (options.classes ?? []).map(parseTemplate),
  };
  const proofs = createProofCache();
  const provider = await createSecurityProvider(config, {platform, mode: 'server', logger, proofs});
  const providers: NodeProviders =
    options.authority === undefined
      ? sharedCertificate(provider)
      : await issuedCertificates({
          provider,
          platform,
          authority: options.authority,
          isSigning: config.get('registration').length > 0,
        });
  const counts = noCounts();
  const shared: SharedResources = {
    proofs,
    requests: createRequestCache(),
    transports: createTransportCache(),
    replies: {heldBytes: 0},
    counts,
    lateness: watchLateness(platform.clock),
    turns: createConnectTurns(options.startsAtOnce ?? startsAtOnceDefault),
    heartbeats: createHeartbeats({clock: platform.clock, intervalMs: connectLimits.pingIntervalMs}),
  };
  const parts = await createSharedParts({config, platform, logger, version: programVersion});
  return new ServerEmulator({...options, templates, providers, shared, parts, counts});
}

interface Templates {
  readonly identity: Template;
  readonly facts: readonly (readonly [string, Template])[];
  readonly classes: readonly Template[];
}

interface Prepared extends EmulatorOptions {
  readonly templates: Templates;
  readonly providers: NodeProviders;
  readonly shared: SharedResources;
  readonly parts: SharedParts;
  readonly counts: ServerCounts;
}

class ServerEmulator implements Emulator {
  readonly servers: ChoriaServer[] = [];
  readonly #options: Prepared;

  constructor(options: Prepared) {
    this.#options = options;
  }

  async start(): Promise<EmulatorReport> {
    const {platform, count, startsPerSecond = 0, startsAtOnce = startsAtOnceDefault, signal, progress} = this.#options;
    const startedMs = platform.clock.monotonicMs();
    // One listener for all: a signal is not made for thousands of them.
    const abort = (): void => void this.stop();
    signal?.addEventListener('abort', abort, {once: true});
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const index = next++;
        signal?.throwIfAborted();
        await this.#pace({index, startedMs, startsPerSecond});
        const server = await this.#createServer(index);
        this.servers.push(server);
        await server.start();
        progress?.(this.servers.length);
      }
    };
    try {
      await Promise.all(Array.from({length: Math.min(count, startsAtOnce)}, worker));
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return {servers: this.servers.length, startMilliseconds: Math.round(platform.clock.monotonicMs() - startedMs)};
  }

  totals(): EmulatorTotals {
    const {total, passed, filtered, replies, replayed, refused} = this.#options.counts;
    let connected = 0;
    for (const server of this.servers) if (server.connection?.state === 'connected') connected++;
    return {servers: this.servers.length, connected, total, passed, filtered, replies, replayed, refused};
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    this.#options.shared.lateness?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #pace(options: {
    readonly index: number;
    readonly startedMs: number;
    readonly startsPerSecond: number;
  }): Promise<void> {
    const {index, startedMs, startsPerSecond} = options;
    if (startsPerSecond <= 0) return;
    const {platform, signal} = this.#options;
    const dueMs = startedMs + (index * 1000) / startsPerSecond;
    const waitMs = dueMs - platform.clock.monotonicMs();
    if (waitMs > 0) await sleep(platform.clock, waitMs, signal === undefined ? {} : {signal});
  }

  async #createServer(index: number): Promise<ChoriaServer> {
    const {config, platform, logger, providers, shared, parts, templates, agents, localAddresses} = this.#options;
    const number = (this.#options.firstNumber ?? 0) + index;
    const identity = templates.identity(number);
    const collectives = this.#options.collectives ?? config.get('collectives');
    const address = localAddresses?.[index % localAddresses.length];
    return createServer({
      config: config.with({
        identity,
        collectives,
        main_collective: collectives[0] ?? config.get('main_collective'),
        'plugin.choria.status_file_path': '',
      }),
      platform,
      logger,
      memory: 'memory',
      provider: await providers(identity),
      shared,
      sharedParts: parts,
      // Thousands of nodes do not each watch the disk for programs.
      agentProviders: [],
      ...(this.#options.isTls === false ? {insecure: {tls: false, verifyTls: true}} : {}),
      ...(agents === undefined ? {} : {agents}),
      facts: () => Promise.resolve(nodeFacts(templates, number)),
      classes: () => Promise.resolve(templates.classes.map((template) => template(number))),
      connectOptions: {
        ...this.#options.connectOptions,
        ...(address === undefined ? {} : {localAddress: address}),
      },
    });
  }
}

function nodeFacts(templates: Templates, number: number): Readonly<Record<string, unknown>> {
  const own = templates.facts.map(([name, template]) => [name, template(number)] as const);
  return {number, emulated: true, ...Object.fromEntries(own)};
}
