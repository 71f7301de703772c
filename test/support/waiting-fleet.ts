/**
 * Many servers that wait to be configured, in one process, against a real broker: each has its own machine (name and disk in memory),
 * starts as `choria server run` does, and starts again when it is told to.
 */
import {generateKeyPairSync, type KeyObject} from 'node:crypto';
import {createHeartbeats} from '../../src/connect/index.ts';
import {createProofCache, createUnsignedProvider, signToken, type SecurityProvider} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Clock, Platform} from '../../src/lib/platform.ts';
import {createRequestCache, createTransportCache} from '../../src/protocol/index.ts';
import {prepareServerStart} from '../../src/provision/index.ts';
import {type ChoriaServer, createServer, type SharedResources} from '../../src/server/index.ts';
import {createFakePlatform} from './fake-platform.ts';

export const fleetConfigPath = '/etc/choria/server.conf';
const tokenPath = '/etc/choria/provisioning.jwt';
const bootsAtOnce = 50;

/** A clock whose timers run `times` as fast, so that nobody waits for the splay of a restart. */
export function hastyClock(clock: Clock, times: number): Clock {
  return {...clock, setTimer: (callback, delayMs, options) => clock.setTimer(callback, delayMs / times, options)};
}

export interface TokenMaker {
  readonly publicKeyPem: string;
  make(claims: Readonly<Record<string, unknown>>): string;
}

export function createTokenMaker(): TokenMaker {
  const pair: {publicKey: KeyObject; privateKey: KeyObject} = generateKeyPairSync('ed25519');
  return {
    publicKeyPem: pair.publicKey.export({type: 'spki', format: 'pem'}).toString(),
    make: (claims) =>
      signToken({cht: 's3cret', chs: false, chpd: true, purpose: 'choria_provisioning', ...claims}, pair.privateKey),
  };
}

export interface WaitingNode {
  readonly name: string;
  readonly platform: Platform;
  /** Undefined between two lives. */
  readonly server: ChoriaServer | undefined;
  /** How often it started. */
  readonly starts: number;
  config(): string | undefined;
}

/** It was configured, started again and serves. */
export function isConfigured(node: WaitingNode): boolean {
  return node.server?.state === 'running' && !node.server.node.provisioning;
}

export interface WaitingFleet extends AsyncDisposable {
  readonly nodes: readonly WaitingNode[];
  start(): Promise<void>;
}

export interface WaitingFleetOptions {
  readonly count: number;
  readonly token: string;
  /** Once configured, a node signs and verifies with this. */
  readonly provider?: (identity: string) => SecurityProvider;
  readonly timeScale?: number;
  /** Such as `vm`, for `vm1` to `vmN`. */
  readonly prefix?: string;
  /** Text of the configuration file at the start; none when left out. */
  readonly config?: string;
}

export function createWaitingFleet(options: WaitingFleetOptions): WaitingFleet {
  const real = createNodePlatform();
  const clock = hastyClock(real.clock, options.timeScale ?? 20);
  const shared: SharedResources = {
    proofs: createProofCache(),
    requests: createRequestCache(),
    transports: createTransportCache(),
    heartbeats: createHeartbeats({clock: real.clock, intervalMs: 120_000}),
  };
  const prefix = options.prefix ?? 'vm';
  const nodes = Array.from(
    {length: options.count},
    (_, index) => new Node(`${prefix}${index + 1}`, {options, shared, real, clock}),
  );
  return {
    nodes,
    start: async () => {
      // A process that starts a thousand at once is too busy to greet any broker in time, and all of them try again together.
      for (let from = 0; from < nodes.length; from += bootsAtOnce) {
        await Promise.all(nodes.slice(from, from + bootsAtOnce).map((node) => node.boot()));
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node.halt()));
    },
  };
}

class Node implements WaitingNode {
  readonly name: string;
  readonly platform: Platform;
  server: ChoriaServer | undefined;
  starts = 0;
  readonly #files: ReturnType<typeof createFakePlatform>['files'];
  readonly #options: WaitingFleetOptions;
  readonly #shared: SharedResources;
  #isHalted = false;

  constructor(
    name: string,
    parts: {
      readonly options: WaitingFleetOptions;
      readonly shared: SharedResources;
      readonly real: Platform;
      readonly clock: Clock;
    },
  ) {
    const {options, shared, real, clock} = parts;
    const fake = createFakePlatform({
      files: {
        [tokenPath]: options.token,
        ...(options.config === undefined ? {} : {[fleetConfigPath]: options.config}),
      },
      host: {hostname: name, workingDirectory: '/'},
    });
    this.name = name;
    this.#files = fake.files;
    this.#options = options;
    this.#shared = shared;
    this.platform = {...fake.platform, clock, random: real.random, network: real.network};
  }

  config(): string | undefined {
    return this.#files.text(fleetConfigPath);
  }

  async boot(): Promise<void> {
    const {platform} = this;
    const {config, target, configPath, isProvisioning} = await prepareServerStart({
      platform,
      path: fleetConfigPath,
      tokenPath,
    });
    const identity = config.get('identity');
    const provider = this.#options.provider?.(identity) ?? createUnsignedProvider({certname: identity});
    const server = await createServer({
      config,
      platform,
      memory: 'memory',
      shared: this.#shared,
      insecure: {tls: false, verifyTls: false},
      ...(isProvisioning ? {} : {provider, agentProviders: []}),
      ...(target === undefined
        ? {}
        : {
            provisioning: {
              target,
              configPath,
              isProvisioning,
              restart: () => void this.#again(),
              shutdown: () => void this.halt(),
            },
          }),
    });
    if (this.#isHalted) return;
    this.server = server;
    this.starts += 1;
    await server.start().catch((error: unknown) => {
      if (!this.#isHalted) throw error;
    });
  }

  async #again(): Promise<void> {
    const {server} = this;
    this.server = undefined;
    await server?.stop({graceMs: 100});
    if (!this.#isHalted) await this.boot();
  }

  async halt(): Promise<void> {
    this.#isHalted = true;
    await this.server?.stop({graceMs: 0});
    this.server = undefined;
  }
}
