/**
 * The engine `nats-server`: the program of that name, configured, started, watched, restarted, reloaded and ended by us.
 *
 * It carries the messages; who may connect and what they may do is decided here, through its auth callout, by the same `Authenticator` that the
 * embedded engine asks.
 */
import {createNkeySigner, nkeyPublicFromSeed} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {TlsMaterial} from '../../lib/network.ts';
import {type Platform, type ProcessResult, sleep} from '../../lib/platform.ts';
import type {Authenticator} from '../authentication/types.ts';
import {BrokerError} from '../errors.ts';
import {type BrokerLimits, defaultBrokerLimits} from '../limits.ts';
import type {Engine, EngineAddresses, EngineStatistics} from '../types.ts';
import {Callout} from './callout.ts';
import {CertificateDoor} from './certificate-door.ts';
import {calloutSubject} from './callout-tokens.ts';
import {checkConfiguration, describeEnd, type NatsServerChild, startChild} from './child.ts';
import {writeConf} from './conf-text.ts';
import {type ListenPorts, makeConfiguration} from './configuration.ts';
import {SupervisedError} from './errors.ts';
import {serveInterest} from './interest.ts';
import {supervisedLimits} from './limits.ts';
import {type Links, makeSeeds, openLinks} from './links.ts';
import type {NatsServerProgram} from './program.ts';
import type {SupervisedSettings} from './settings.ts';
import {manageStreams} from './streams.ts';
import {jsonMembers, membersOf, readAddresses, readVariables} from './server-messages.ts';

export type SupervisedPlatform = Pick<Platform, 'processes' | 'files' | 'clock' | 'random' | 'network'>;

export interface SupervisedEngineOptions {
  readonly platform: SupervisedPlatform;
  readonly logger: Logger;
  readonly program: NatsServerProgram;
  readonly settings: SupervisedSettings;
  readonly identity: string;
  readonly host: string;
  readonly port: number;
  readonly advertise?: {readonly host: string; readonly port: number};
  readonly limits?: Partial<BrokerLimits>;
  readonly tls?: TlsMaterial;
  /** nats-server asks every client for a certificate, or none. */
  readonly areCertificatesRequired: boolean;
  /** Certificates and tokens count at once: our own door does TLS and verifies certificates that are given. Needs `tls`. */
  readonly hasDoor?: boolean;
  readonly authenticator: Authenticator;
  readonly hasProvisioning?: boolean;
}

/** What a reload may change. */
export type ReloadChanges = Partial<
  Pick<SupervisedEngineOptions, 'tls' | 'authenticator' | 'limits' | 'settings' | 'areCertificatesRequired'>
>;

type State = 'new' | 'running' | 'stopping' | 'stopped';

export class SupervisedEngine implements Engine {
  readonly name = 'nats-server';
  #options: SupervisedEngineOptions;
  readonly #callout: Callout;
  readonly #door: CertificateDoor | undefined;
  readonly #seeds;
  readonly #lifetime = new AbortController();
  #state: State = 'new';
  #directory = '';
  #child: NatsServerChild | undefined = undefined;
  #links: Links | undefined = undefined;
  #ports: ListenPorts;
  /** As the running program was given them: it refuses to read files again in which a port has changed, even from "any" to the one it has. */
  #givenPorts: ListenPorts;
  #statistics: EngineStatistics = noStatistics;
  #restartMs: number = supervisedLimits.restartMsMin;
  #watched: Promise<void> = Promise.resolve();
  #restarts = 0;
  #reloads: Promise<void> = Promise.resolve();
  #run: AbortController | undefined = undefined;

  constructor(options: SupervisedEngineOptions) {
    this.#options = options;
    const {platform, logger, settings} = options;
    this.#seeds = makeSeeds(platform.random);
    this.#callout = new Callout({
      authenticator: () => this.#options.authenticator,
      clock: platform.clock,
      logger: logger.child({component: 'authentication'}),
      issuer: createNkeySigner(this.#seeds.issuer),
      door: (nonce) => this.#door?.factsOf(nonce),
    });
    this.#door = options.hasDoor === true ? this.#makeDoor() : undefined;
    this.#ports = {
      client: this.#door === undefined ? options.port : 0,
      monitoring: 0,
      ...(settings.peers.length > 0 || settings.peerPort > 0 ? {cluster: settings.peerPort} : {}),
      ...(settings.gatewayPort > 0 ? {gateway: settings.gatewayPort} : {}),
      ...(settings.leafPort > 0 ? {leaf: settings.leafPort} : {}),
      ...(settings.websocketPort > 0 ? {websocket: settings.websocketPort} : {}),
    };
    this.#givenPorts = this.#ports;
  }

  /** The bound port of the client listener. */
  get port(): number {
    return this.#door?.port ?? this.#ports.client;
  }

  /** Of the running program; undefined while there is none. */
  get processId(): number | undefined {
    return this.#child?.pid;
  }

  /** How often the program ended by itself and was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** @throws {SupervisedError} */
  async start(): Promise<EngineAddresses> {
    if (this.#state !== 'new') throw new BrokerError('ERR_BROKER_STATE', 'Cannot start the broker: it was started');
    const {platform, logger, program} = this.#options;
    this.#directory = await platform.files.makeTempDirectory('choria-broker-');
    try {
      await this.#writeFiles();
      await checkConfiguration(platform, {program: program.path, configPath: this.#configPath});
      const addresses = await this.#startOnce();
      await this.#door?.open();
      this.#state = 'running';
      logger.info(`Running nats-server ${program.version} (${program.path})`);
      if (this.#door === undefined) return addresses;
      const {host} = this.#options;
      return {...addresses, client: `tls://${host.includes(':') ? `[${host}]` : host}:${this.#door.port}`};
    } catch (error) {
      this.#state = 'stopped';
      this.#child?.signal('SIGKILL');
      await this.#door?.destroy();
      await this.#links?.close();
      await platform.files.remove(this.#directory, {recursive: true});
      throw error;
    }
  }

  statistics(): EngineStatistics {
    return this.#statistics;
  }

  /** Asks the program for its numbers; `statistics` gives the last ones. */
  async refresh(): Promise<EngineStatistics> {
    const links = this.#links;
    if (links === undefined) return this.#statistics;
    const {payload} = await links.system.request('$SYS.REQ.SERVER.PING.VARZ', Buffer.from(this.#onlyMe()), {
      timeoutMs: supervisedLimits.memberAnswerMs,
    });
    this.#statistics = readVariables(payload) ?? this.#statistics;
    return this.#statistics;
  }

  /** Takes changed settings over: the program reads its files again and asks again about everybody. Who is not allowed any more is cut, nobody else. */
  async reload(changes: ReloadChanges = {}): Promise<void> {
    this.#options = {...this.#options, ...changes};
    const {platform, program} = this.#options;
    await this.#writeFiles();
    await checkConfiguration(platform, {program: program.path, configPath: this.#configPath});
    await this.#reread();
  }

  /** Somebody's right was taken back: everybody is asked about again. */
  cutRevoked(): void {
    this.#reloadSoon({});
  }

  useCertificates(tls: TlsMaterial): void {
    this.#reloadSoon({tls});
  }

  /** One reload after the other; a failed one is logged, and the server goes on with what it has. */
  #reloadSoon(changes: ReloadChanges): void {
    this.#reloads = this.#reloads.then(async () => {
      if (this.#state !== 'running') return;
      try {
        await this.reload(changes);
      } catch (error) {
        this.#options.logger.error(errorMessage(error));
      }
    });
  }

  /** Tells the program to read its files again. @throws {SupervisedError} `ERR_NATS_SERVER_CONFIG` with its own words */
  async #reread(): Promise<void> {
    const links = this.#links;
    if (links === undefined) return;
    const {payload} = await links.system.request(`$SYS.REQ.SERVER.${this.serverId}.RELOAD`, Buffer.alloc(0), {
      timeoutMs: supervisedLimits.reloadTimeoutMs,
    });
    const problem = membersOf(jsonMembers(payload).get('error')).get('description');
    if (typeof problem !== 'string') return;
    throw new SupervisedError('ERR_NATS_SERVER_CONFIG', `Cannot reload the engine nats-server: ${problem}`);
  }

  async stop(options: {readonly graceMs?: number} = {}): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'stopping') return this.#watched;
    const wasRunning = this.#state === 'running';
    this.#state = 'stopping';
    this.#lifetime.abort(new BrokerError('ERR_BROKER_STATE', 'The broker is stopping'));
    const {platform} = this.#options;
    const child = this.#child;
    await this.#door?.close();
    await this.#links?.close();
    this.#links = undefined;
    if (child !== undefined && wasRunning) {
      const graceMs = options.graceMs ?? 0;
      if (graceMs > 0) {
        // It closes its listener, tells clients to go elsewhere, closes who stays, and ends.
        child.signal('SIGUSR2');
        await this.#orAfter(child.exited, graceMs);
      }
      child.signal('SIGTERM');
      await this.#orAfter(child.exited, supervisedLimits.killGraceMs);
      child.signal('SIGKILL');
      await child.exited;
    }
    await this.#watched;
    await this.#door?.destroy();
    this.#state = 'stopped';
    if (this.#directory !== '') await platform.files.remove(this.#directory, {recursive: true});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #configPath(): string {
    return `${this.#directory}/nats-server.conf`;
  }

  #makeDoor(): CertificateDoor {
    const {platform, logger, host, port, limits} = this.#options;
    const {tlsTimeoutMs, pendingBytesMax} = {...defaultBrokerLimits, ...limits};
    return new CertificateDoor({
      platform,
      logger: logger.child({component: 'certificate_door'}),
      host,
      port,
      tlsTimeoutMs,
      pendingBytesMax,
      material: () => this.#options.tls ?? {},
      backend: () => ({host: '127.0.0.1', port: this.#ports.client}),
    });
  }

  /** Requests to every server of the cluster, answered by this one only. */
  #onlyMe(): string {
    return JSON.stringify({server_name: this.#options.identity});
  }

  /** The public key of the running program, which names it in system requests. */
  serverId = '';

  async #orAfter(done: Promise<unknown>, limitMs: number): Promise<void> {
    const controller = new AbortController();
    await Promise.race([
      done,
      sleep(this.#options.platform.clock, limitMs, {signal: controller.signal}).catch(() => {}),
    ]);
    controller.abort();
  }

  async #writeFiles(): Promise<void> {
    const {platform, tls, settings, identity, host, advertise, limits} = this.#options;
    const seeds = this.#seeds;
    const write = (name: string, content: string): Promise<void> =>
      platform.files.writeAtomic(`${this.#directory}/${name}`, content, {mode: 0o600});
    const file = (name: string): string => `${this.#directory}/${name}`;
    if (tls !== undefined) {
      await write('certificate.pem', tls.certificatePem ?? '');
      await write('key.pem', tls.keyPem ?? '');
      await write('authority.pem', tls.caPem ?? '');
    }
    const configuration = makeConfiguration({
      identity,
      host,
      ports: this.#givenPorts,
      advertise,
      limits: {...defaultBrokerLimits, ...limits},
      settings,
      tls:
        tls === undefined
          ? undefined
          : {certificate: file('certificate.pem'), key: file('key.pem'), authority: file('authority.pem')},
      areCertificatesRequired: this.#options.areCertificatesRequired,
      hasDoor: this.#door !== undefined,
      keys: {
        issuer: nkeyPublicFromSeed(seeds.issuer),
        callout: nkeyPublicFromSeed(seeds.callout),
        fleet: nkeyPublicFromSeed(seeds.fleet),
        system: nkeyPublicFromSeed(seeds.system),
      },
      hasProvisioning: this.#options.hasProvisioning === true,
    });
    await write('nats-server.conf', writeConf(configuration));
  }

  async #startOnce(): Promise<EngineAddresses> {
    const {platform, logger, program} = this.#options;
    const child = await startChild(platform, {
      program: program.path,
      configPath: this.#configPath,
      directory: this.#directory,
      logger: logger.child({component: 'network_broker'}),
    });
    this.#child = child;
    this.#watched = child.exited.then((result) => this.#ended(child, result));
    try {
      this.#lifetime.signal.throwIfAborted();
      return await this.#serve(child);
    } catch (error) {
      // Half a broker is none: what was started ends before anything else is tried.
      this.#child = undefined;
      child.signal('SIGKILL');
      await child.exited;
      throw error;
    }
  }

  /** Connects to the program and takes up its questions. */
  async #serve(child: NatsServerChild): Promise<EngineAddresses> {
    const {platform, host} = this.#options;
    const {addresses, ports} = readAddresses(child.ports, this.#ports);
    this.#ports = ports;
    const [tls, place] = this.#door === undefined ? [this.#options.tls, loopbackOf(host)] : [undefined, '127.0.0.1'];
    const links = await openLinks({
      platform,
      address: `${tls === undefined ? 'nats' : 'tls'}://${place}:${ports.client}`,
      tls,
      seeds: this.#seeds,
    });
    this.#links = links;
    links.callout.subscribe(
      calloutSubject,
      (message) => {
        const {replyTo} = message;
        if (replyTo === undefined) return;
        void this.#callout.answer(message.payload).then((answer) => {
          if (answer !== undefined && links.callout.state === 'connected') links.callout.publish(replyTo, answer);
        });
      },
      {queue: 'choria'},
    );
    await links.callout.flush({timeoutMs: supervisedLimits.linkTimeoutMs});
    const id = await links.system.request('$SYS.REQ.SERVER.PING.IDZ', Buffer.from(this.#onlyMe()), {
      timeoutMs: supervisedLimits.linkTimeoutMs,
    });
    this.serverId = idOf(id.payload);
    this.#takeUpWork(links);
    return addresses;
  }

  /** What goes on beside the program while this run of it lasts. */
  #takeUpWork(links: Links): void {
    const {platform, logger, settings} = this.#options;
    this.#run?.abort();
    const run = new AbortController();
    this.#run = run;
    this.#lifetime.signal.addEventListener('abort', () => run.abort(), {once: true});
    serveInterest({
      links,
      serverId: () => this.serverId,
      seesAll: settings.gateways.length === 0 && settings.leafPort === 0 && settings.leafRemotes.length === 0,
      logger,
    });
    if (settings.streams?.manage === true) {
      void manageStreams(links.fleet, {
        rules: settings.streams,
        clock: platform.clock,
        logger: logger.child({component: 'streams'}),
        signal: run.signal,
      });
    }
  }

  /** The program has ended. When nobody asked for it, it is started again. */
  async #ended(child: NatsServerChild, result: ProcessResult): Promise<void> {
    if (this.#state !== 'running' || this.#child !== child) return;
    const {platform, logger} = this.#options;
    const startedAtMs = platform.clock.monotonicMs();
    logger.error(`nats-server ended by itself with ${describeEnd(result)}: starting it again`);
    this.#run?.abort();
    await this.#links?.close();
    this.#links = undefined;
    while (this.#state === 'running') {
      try {
        await sleep(platform.clock, this.#restartMs, {signal: this.#lifetime.signal});
        this.#restartMs = Math.min(this.#restartMs * 2, supervisedLimits.restartMsMax);
        // The same ports: clients come back to them.
        this.#givenPorts = this.#ports;
        await this.#writeFiles();
        await this.#startOnce();
        this.#restarts += 1;
        logger.info(`nats-server runs again after ${Math.round(platform.clock.monotonicMs() - startedAtMs)} ms`);
        this.#calmDown();
        return;
      } catch (error) {
        if (this.#lifetime.signal.aborted) return;
        logger.error(`Could not start nats-server again: ${errorMessage(error)}`);
      }
    }
  }

  /** A program that has run for a while is started at once when it ends again. */
  #calmDown(): void {
    const restarts = this.#restarts;
    this.#options.platform.clock.setTimer(
      () => {
        if (this.#restarts === restarts) this.#restartMs = supervisedLimits.restartMsMin;
      },
      supervisedLimits.healthyMs,
      {background: true},
    );
  }
}

const noStatistics: EngineStatistics = {
  connections: 0,
  totalConnections: 0,
  subscriptions: 0,
  inMessages: 0,
  outMessages: 0,
  inBytes: 0,
  outBytes: 0,
  slowConsumers: 0,
};

function idOf(payload: Buffer): string {
  const match = /"id":"(N[A-Z2-7]{55})"/.exec(payload.toString('latin1'));
  return match?.[1] ?? '';
}

function loopbackOf(host: string): string {
  if (host === '::' || host === '') return '[::1]';
  if (host === '0.0.0.0') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
