/**
 * A real server on a machine with a provisioning token, in a folder that it sees as `/lab`, without a broker: requests go straight to
 * its agents. It starts as the command does, and starts again when an agent asks for it.
 */
import {generateKeyPairSync} from 'node:crypto';
import {mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {signToken} from '../../../../src/crypto/index.ts';
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import type {Platform} from '../../../../src/lib/platform.ts';
import {emptyFilter, type Request} from '../../../../src/protocol/index.ts';
import {prepareServerStart} from '../../../../src/provision/index.ts';
import {createServer, type ChoriaServer} from '../../../../src/server/index.ts';
import {createManualClock, type ManualClock} from '../../../support/manual-clock.ts';
import {mountPlatform} from '../../../support/mounts.ts';
import {HandHeldConnection, testProvider} from '../../../support/test-server.ts';
import {testVersion} from './_node.ts';

export const labDirectory = '/lab';

export function provisioningToken(claims: Readonly<Record<string, unknown>>): string {
  return signToken(claims, generateKeyPairSync('ed25519').privateKey);
}

export interface UnprovisionedNode extends AsyncDisposable {
  readonly platform: Platform;
  readonly connection: HandHeldConnection;
  /** Undefined while it is away: between a restart that was asked for and `boot`. */
  readonly server: ChoriaServer | undefined;
  /** Lets so much time pass that every restart asked for has happened. */
  settle(): Promise<void>;
  boot(): Promise<void>;
  call(options: {
    readonly agent: string;
    readonly body: Buffer;
    readonly collective: string;
    readonly callerId?: string;
  }): Promise<string | undefined>;
}

export async function startUnprovisioned(options: {
  readonly token: string;
  /** Relative to the working directory, as given to the command. */
  readonly configPath: string;
  readonly config: string;
  /** Files that must be there, by the path that the node sees. */
  readonly files?: Readonly<Record<string, string>>;
  readonly mounts?: readonly string[];
}): Promise<UnprovisionedNode> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'choria-provision-')));
  const clock = createManualClock();
  const mounts = [labDirectory, ...(options.mounts ?? [])].map((virtual) => ({virtual, real: join(root, virtual)}));
  for (const {real} of mounts) mkdirSync(real, {recursive: true});
  const real = createNodePlatform();
  const mounted = mountPlatform({
    platform: real,
    mounts,
    env: {},
    workingDirectory: labDirectory,
    host: {hostname: 'vm', uid: real.host.uid},
  });
  const nowhere = (): Promise<never> => Promise.reject(new Error('there are no names here'));
  const platform: Platform = {...mounted, clock, names: {resolveSrv: nowhere, lookup: nowhere, reverse: nowhere}};
  const place = (path: string, content: string): void => {
    mkdirSync(dirname(join(root, path)), {recursive: true});
    writeFileSync(join(root, path), content);
  };
  place(join(labDirectory, options.configPath), options.config);
  place('/lab/provisioning.jwt', options.token);
  for (const [path, content] of Object.entries(options.files ?? {})) place(path, content);
  return new Node(platform, {root, clock, configPath: options.configPath});
}

class Node implements UnprovisionedNode {
  readonly platform: Platform;
  server: ChoriaServer | undefined;
  connection = new HandHeldConnection();
  readonly #parts: {readonly root: string; readonly clock: ManualClock; readonly configPath: string};
  #isRestarting = false;

  constructor(
    platform: Platform,
    parts: {readonly root: string; readonly clock: ManualClock; readonly configPath: string},
  ) {
    this.platform = platform;
    this.#parts = parts;
  }

  async boot(): Promise<void> {
    const {platform} = this;
    const path = this.#parts.configPath;
    const start = await prepareServerStart({platform, path, tokenPath: '/lab/provisioning.jwt'});
    this.connection = new HandHeldConnection();
    const {target, configPath, isProvisioning} = start;
    const server = await createServer({
      config: start.config,
      platform,
      version: testVersion,
      memory: 'memory',
      connect: async () => this.connection,
      // What a node's certificates are is no part of these conversations.
      ...(isProvisioning ? {} : {provider: testProvider('node1', 'node1.example.net')}),
      ...(target === undefined
        ? {}
        : {
            provisioning: {
              target,
              configPath,
              isProvisioning,
              restart: () => void (this.#isRestarting = true),
              shutdown: () => void (this.#isRestarting = true),
            },
          }),
    });
    await server.start();
    this.server = server;
  }

  async settle(): Promise<void> {
    await this.#parts.clock.advance(60_000);
    if (!this.#isRestarting) return;
    this.#isRestarting = false;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const {server} = this;
    this.server = undefined;
    const stopping = server?.stop();
    for (let turn = 0; turn < 5; turn++) await this.#parts.clock.advance(10_000);
    await stopping;
  }

  async call(options: {
    readonly agent: string;
    readonly body: Buffer;
    readonly collective: string;
    readonly callerId?: string;
  }): Promise<string | undefined> {
    const {server} = this;
    const agent = server?.agents.get(options.agent);
    if (server === undefined || agent === undefined) return undefined;
    const request: Request = {
      version: 1,
      id: '0123456789abcdef0123456789abcdef',
      senderId: 'rip.mcollective',
      callerId: options.callerId ?? 'choria=rip.mcollective',
      collective: options.collective,
      agent: options.agent,
      ttlSeconds: 60,
      sentAtMs: this.platform.clock.nowMs(),
      filter: emptyFilter,
      body: options.body,
    };
    const body = await agent.handle({request, node: server.node, signal: new AbortController().signal});
    return body?.toString('utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    rmSync(this.#parts.root, {recursive: true, force: true});
  }
}
