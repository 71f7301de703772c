/**
 * A simulated fleet: a broker, nodes, callers and a provisioner on hosts of their own, running the code that ships.
 *
 * Hosts keep their disks; processes come and go. Who is who comes from `organisation.ts`.
 */
import {startBroker, type RunningBroker} from '../broker/index.ts';
import {loadConfig} from '../config/index.ts';
import {openConnection} from '../connect/index.ts';
import {agentDdl, type DefinedAgent} from '../rpc/index.ts';
import {createDdlResolver} from '../ddl/index.ts';
import {silentLogger} from '../lib/logger.ts';
import type {Platform, ProcessRequest, ProcessResult} from '../lib/platform.ts';
import {prepareServerStart} from '../provision/index.ts';
import {createProvisioner, parseProvisionerSettings, type Provisioner} from '../provisioner/index.ts';
import {createServer, type ChoriaServer} from '../server/index.ts';
import type {DdlResolver} from '../ddl/types.ts';
import {SimDisk} from './disk.ts';
import {doubling} from './doubling.ts';
import type {History} from './history.ts';
import {SimNetwork, type SimTls} from './network.ts';
import {
  type Identity,
  KeyPool,
  Organisation,
  provisioningPassword,
  provisioningSecret,
  revocationPath,
  type SimSecurity,
  startWallMs,
} from './organisation.ts';
import {type SimHost, SimProcess} from './process.ts';
import {createHelper, type Helper, newcomerConfigPath, newcomerTokenPath} from './provisioning.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

export const brokerHost = 'broker.sim';
export const spoolDirectory = '/var/spool/choria';
/** Where a node remembers requests, and what else it keeps. */
export const stateDirectory = '/var/lib/choria';
export const auditPath = '/var/log/choria-audit.log';
const configPath = '/etc/choria/choria.conf';
const brokerPort = 4222;
const diskDelayMs = 2;
/** A service that ended, or did not start, is started again after this. */
const serviceRestartMs = 5_000;
/** Node hands data of a TLS stream on in the next turn, and its end in the one after. */
const realTlsTurns = 4;
/** Seconds between registration messages. */
export const registrationSeconds = 120;

export interface FleetOptions {
  readonly timeline: Timeline;
  readonly random: SimRandom;
  readonly history: History;
  readonly nodes: number;
  /** Machines without configuration that wait for a provisioner; they follow the nodes in name and number. */
  readonly newcomers?: number;
  readonly security?: SimSecurity;
  readonly keys?: KeyPool;
  readonly tls?: SimTls;
  /** So many nodes have a spool: it is looked at each second, which a large fleet need not do a hundred times. All register then. */
  readonly spools?: number;
  /** Clocks differ by at most this at the start. */
  readonly skewMs?: number;
  /** The agents of one node besides the built-in ones; asked at each start of its process. */
  readonly agents: (node: NodeSetting) => readonly DefinedAgent[];
  /** Action policies by agent name, the same on every node. */
  readonly policies: Readonly<Record<string, string>>;
  /** Absent: a country of three by turns, and the node's number. */
  readonly facts?: (index: number) => Readonly<Record<string, unknown>>;
  /** Absent: `even` or `odd`. */
  readonly classes?: (index: number) => readonly string[];
  /** Told when a node serves. */
  readonly onStarted?: (node: NodeMachine) => void;
}

/** What an agent of a simulated node may use: its clock is the simulated one. */
export interface NodeSetting {
  readonly identity: string;
  readonly index: number;
  readonly platform: Platform;
}

/** A host with what runs on it. */
export interface SimMachine {
  readonly host: SimHost;
  process: SimProcess | undefined;
  /** Starts what runs there. */
  start(): Promise<void>;
}

export interface NodeMachine extends SimMachine {
  readonly identity: string;
  readonly index: number;
  /** It began without a configuration. */
  readonly isNewcomer: boolean;
  server: ChoriaServer | undefined;
}

interface BrokerMachine extends SimMachine {
  broker: RunningBroker | undefined;
}

interface ProvisionerMachine extends SimMachine {
  provisioner: Provisioner | undefined;
}

export class SimFleet {
  readonly network: SimNetwork;
  readonly nodes: readonly NodeMachine[];
  readonly broker: BrokerMachine;
  /** Undefined where nobody waits to be provisioned. */
  readonly provisioner: ProvisionerMachine | undefined;
  /** Probability that a message arrives twice. */
  doubles = 0;
  readonly #options: FleetOptions;
  readonly #organisation: Promise<Organisation>;
  readonly #callers = new Map<string, SimMachine>();
  #helper: Helper | undefined;
  #brokerStartedAtMs = 0;
  #pid = 100;

  constructor(options: FleetOptions) {
    this.#options = options;
    if (options.tls === 'real') options.timeline.turns = realTlsTurns;
    this.network = new SimNetwork(options.timeline, {
      random: options.random.fork('network'),
      tls: options.tls ?? 'twin',
    });
    this.#organisation = Organisation.create(options.security ?? 'certificates', {
      random: options.random.fork('organisation'),
      keys: options.keys ?? new KeyPool(),
    });
    this.broker = {...this.#machine(brokerHost, '10.0.0.1'), start: () => this.startBroker(), broker: undefined};
    const {newcomers = 0} = options;
    this.nodes = Array.from({length: options.nodes + newcomers}, (_, index) =>
      this.#node(index, index >= options.nodes),
    );
    this.provisioner =
      newcomers === 0
        ? undefined
        : {
            ...this.#machine('provisioner.sim', '10.0.0.2'),
            start: () => this.#startProvisioner(),
            provisioner: undefined,
          };
  }

  /** A node that serves, and not one that waits to be configured. */
  isServing(node: NodeMachine): boolean {
    return node.process?.isAlive === true && node.server?.state === 'running' && !node.server.node.provisioning;
  }

  /** The last ones: among them are those that begin without a configuration. */
  hasSpool(identity: string): boolean {
    const {spools = 0} = this.#options;
    return this.nodes.slice(-spools).some((node) => spools > 0 && node.identity === identity);
  }

  isBrokerUpFor(ms: number): boolean {
    const {broker} = this.broker;
    return broker !== undefined && this.#options.timeline.nowMs - this.#brokerStartedAtMs >= ms;
  }

  /** Makes what each machine has on its disk. Uses real key generation, so it is done before simulated time begins. */
  async prepare(): Promise<void> {
    const organisation = await this.#organisation;
    const {random, policies, skewMs = 0} = this.#options;
    const broker = await organisation.identity(brokerHost, {role: 'broker'});
    this.#write(this.broker.host, {name: brokerHost, identity: broker, settings: this.#brokerSettings(organisation)});
    const skews = random.fork('skews');
    for (const node of this.nodes) {
      node.host.clockOffsetMs = Math.round((skews.float() * 2 - 1) * skewMs);
      await this.#prepareNode(node, organisation);
    }
    if (this.provisioner !== undefined) await this.#prepareProvisioner(this.provisioner, organisation);
    const names = this.nodes.filter((node) => node.isNewcomer).map((node) => node.identity);
    this.#helper = createHelper({
      timeline: this.#options.timeline,
      random: random.fork('helper'),
      organisation,
      settings: (identity) => this.#nodeSettings(identity),
      policies,
      names,
      onBad: (text) => this.#add('helper', text),
    });
    await this.#helper.prepare();
  }

  /** A machine of a caller with this certificate name; made once. */
  async caller(name: string, options: {readonly endMs?: number} = {}): Promise<SimMachine> {
    const known = this.#callers.get(name);
    if (known !== undefined) return known;
    const machine: SimMachine = {
      ...this.#machine(`${name}.host`, `10.9.0.${this.#callers.size + 1}`),
      start: async () => undefined,
    };
    this.#callers.set(name, machine);
    const identity = await (await this.#organisation).identity(name, {role: 'caller', ...options});
    this.#write(machine.host, {name, identity, settings: []});
    return machine;
  }

  /** What a caller's machine gets when its certificate or token is renewed. */
  async renewal(name: string): Promise<Readonly<Record<string, string>>> {
    return (await (await this.#organisation).identity(name, {role: 'caller'})).files;
  }

  /** Takes a caller's rights back, on the broker and on every node. */
  revoke(callerId: string): void {
    for (const {host} of [this.broker, ...this.nodes]) host.disk.put(revocationPath, `caller ${callerId}\n`, 0o644);
  }

  startBroker(): Promise<void> {
    const {broker} = this;
    return this.#startProcess(broker, async ({platform}) => {
      const config = await loadConfig({platform, mode: 'server', path: configPath});
      broker.broker = await startBroker({config, platform, logger: silentLogger});
      this.#brokerStartedAtMs = this.#options.timeline.nowMs;
    });
  }

  startNode(node: NodeMachine): Promise<void> {
    return this.#startProcess(node, async (process) => {
      const {platform} = process;
      const start = node.isNewcomer
        ? await prepareServerStart({platform, path: newcomerConfigPath, tokenPath: newcomerTokenPath})
        : {
            config: await loadConfig({platform, mode: 'server', path: configPath}),
            target: undefined,
            configPath,
            isProvisioning: false,
          };
      const {config, target, isProvisioning} = start;
      const random = this.#options.random.fork(`doubling-${node.identity}-${platform.host.pid}`);
      const server = await createServer({
        config,
        platform,
        logger: silentLogger,
        agentProviders: [],
        agents: isProvisioning ? [] : this.#options.agents({identity: node.identity, index: node.index, platform}),
        connect: async (connecting) =>
          doubling(await openConnection(connecting), {
            timeline: this.#options.timeline,
            random,
            process,
            chance: () => this.doubles,
          }),
        ...(target === undefined
          ? {}
          : {
              provisioning: {
                target,
                configPath: start.configPath,
                isProvisioning,
                restart: () => this.#restartProgram(node, server),
                shutdown: () => this.#restartProgram(node, server),
              },
            }),
      });
      node.server = server;
      await server.start();
      this.#add('started', `${node.identity}${isProvisioning ? ' waits to be configured' : ''}`);
      if (!isProvisioning) this.#options.onStarted?.(node);
    });
  }

  /** Starts whatever is not running, as an operator would in the end. */
  async startMissing(): Promise<void> {
    if (this.broker.process?.isAlive !== true) await this.startBroker();
    const others = [...this.nodes, ...(this.provisioner === undefined ? [] : [this.provisioner])];
    await Promise.all(others.filter((machine) => machine.process?.isAlive !== true).map((machine) => machine.start()));
  }

  /** Starts a machine's program, and again until it starts, as a service manager does. */
  restart(machine: SimMachine): void {
    if (machine.process?.isAlive === true) return;
    machine.start().catch((error: unknown) => {
      this.#add('start', `${machine.host.name} did not start: ${String(error).split('\n')[0] ?? ''}`);
      this.#options.timeline.after(serviceRestartMs, () => this.restart(machine));
    });
  }

  /** A new process on a caller's machine, and the descriptions its client needs. */
  clientProcess(
    machine: SimMachine,
    options: {readonly certname: string},
  ): {readonly process: SimProcess; readonly platform: Platform; readonly resolver: DdlResolver} {
    const process = this.#start(machine, {MCOLLECTIVE_CERTNAME: options.certname});
    return {process, platform: process.platform, resolver: this.#resolver(process)};
  }

  /** Ends whatever runs on a machine, at once. */
  kill(machine: SimMachine, options: {readonly powerCut?: boolean} = {}): void {
    const {powerCut = false} = options;
    machine.process?.kill({silently: powerCut});
    machine.process = undefined;
    if (powerCut) machine.host.disk.cutPower();
    if ('server' in machine) machine.server = undefined;
    if ('broker' in machine) machine.broker = undefined;
    if ('provisioner' in machine) machine.provisioner = undefined;
  }

  /** As `choria server run` does when the agent `choria_provision` asks for it. */
  #restartProgram(node: NodeMachine, server: ChoriaServer): void {
    const {process} = node;
    void server
      .stop()
      .catch((error: unknown) => this.#add('stop', `${node.identity} did not stop well: ${String(error)}`))
      .then(() => {
        if (node.process !== process) return;
        this.kill(node);
        this.restart(node);
      });
  }

  #startProvisioner(): Promise<void> {
    const machine = this.provisioner;
    if (machine === undefined) return Promise.resolve();
    return this.#startProcess(machine, async ({platform}) => {
      const config = await loadConfig({platform, mode: 'user', path: configPath});
      const settings = parseProvisionerSettings(
        (await platform.files.read('/etc/choria/provisioner.yaml', {limitBytes: 65_536})).toString('utf8'),
        {cpuCount: 2},
      );
      machine.provisioner = await createProvisioner({settings, config, platform, logger: silentLogger});
      await machine.provisioner.start();
    });
  }

  /** A program that cannot start ends, as it does in life. */
  async #startProcess(machine: SimMachine, begin: (process: SimProcess) => Promise<void>): Promise<void> {
    const process = this.#start(machine, {MCOLLECTIVE_CERTNAME: certnameOf(machine)});
    try {
      await begin(process);
    } catch (error) {
      process.kill({silently: false});
      throw error;
    }
  }

  #start(machine: SimMachine, env: Readonly<Record<string, string>>): SimProcess {
    machine.process?.kill({silently: false});
    this.network.setPower(machine.host.name, true);
    const pid = this.#pid++;
    const process = new SimProcess({
      host: machine.host,
      pid,
      timeline: this.#options.timeline,
      network: this.network,
      random: this.#options.random.fork(`process-${machine.host.name}-${pid}`),
      startWallMs,
      env: {HOME: '/root', USER: 'root', ...env},
      ...(machine === this.provisioner ? {programs: (request) => this.#runHelper(request)} : {}),
    });
    machine.process = process;
    return process;
  }

  async #runHelper(request: ProcessRequest): Promise<ProcessResult> {
    if (this.#helper === undefined) throw new Error('The fleet is not prepared');
    return this.#helper.run(request);
  }

  #node(index: number, isNewcomer: boolean): NodeMachine {
    const identity = `node${index}.sim`;
    const machine = this.#machine(identity, `10.0.${1 + Math.floor(index / 250)}.${index % 250}`);
    const node: NodeMachine = {
      ...machine,
      identity,
      index,
      isNewcomer,
      server: undefined,
      start: () => this.startNode(node),
    };
    return node;
  }

  #machine(name: string, address: string): Pick<SimMachine, 'host' | 'process'> {
    const disk = new SimDisk(this.#options.random.fork(`disk-${name}`));
    return {host: {name, address, disk, clockOffsetMs: 0, diskDelayMs}, process: undefined};
  }

  #brokerSettings(organisation: Organisation): readonly string[] {
    return [
      'plugin.choria.broker_network = true',
      'plugin.choria.network.listen_address = 0.0.0.0',
      `plugin.choria.network.client_port = ${brokerPort}`,
      `plugin.choria.security.revocation_file = ${revocationPath}`,
      `plugin.choria.network.provisioning.client_password = ${provisioningPassword}`,
      `plugin.choria.network.provisioning.signer_cert = ${organisation.issuerHex}`,
      'plugin.choria.network.provisioning.provisioner_without_token = true',
    ];
  }

  #nodeSettings(identity: string): readonly string[] {
    const {spools = 0} = this.#options;
    return [
      ...commonSettings(identity),
      'plugin.choria.server.state_directory = /var/lib/choria',
      'rpcaudit = 1',
      `plugin.rpcaudit.logfile = ${auditPath}`,
      'plugin.yaml = /etc/choria/facts.json',
      'classesfile = /etc/choria/classes.txt',
      `plugin.choria.security.revocation_file = ${revocationPath}`,
      ...(spools > 0
        ? ['registration = inventory_content', `registerinterval = ${registrationSeconds}`, 'registration_splay = true']
        : []),
      ...(this.hasSpool(identity) ? [`plugin.choria.submission.spool = ${spoolDirectory}`] : []),
    ];
  }

  async #prepareNode(node: NodeMachine, organisation: Organisation): Promise<void> {
    const {facts, classes, policies} = this.#options;
    const {index, identity} = node;
    const {disk} = node.host;
    const ownFacts = facts?.(index) ?? {country: ['mt', 'de', 'us'][index % 3], index};
    const ownClasses = classes?.(index) ?? [index % 2 === 0 ? 'even' : 'odd'];
    disk.put('/etc/choria/facts.json', `${JSON.stringify(ownFacts)}\n`, 0o644);
    disk.put('/etc/choria/classes.txt', `${ownClasses.join('\n')}\n`, 0o644);
    disk.put('/var/log/keep', '', 0o600);
    disk.put('/var/spool/keep', '', 0o600);
    if (node.isNewcomer) {
      disk.put(newcomerTokenPath, await organisation.provisioningToken(`nats://${brokerHost}:${brokerPort}`));
      disk.put('/etc/choria/ssl/ca.pem', organisation.authorityPem, 0o644);
      return;
    }
    const own = await organisation.identity(identity, {role: 'node'});
    this.#write(node.host, {name: identity, identity: own, settings: this.#nodeSettings(identity)});
    for (const [agent, policy] of Object.entries(policies))
      disk.put(`/etc/choria/policies/${agent}.policy`, policy, 0o644);
  }

  async #prepareProvisioner(machine: ProvisionerMachine, organisation: Organisation): Promise<void> {
    const name = 'provisioner.mcollective';
    const {security} = organisation;
    const identity = await organisation.identity(name, {role: 'provisioner'});
    const {disk} = machine.host;
    this.#write(machine.host, {name, identity, settings: []});
    disk.put('/etc/choria/signer.seed', organisation.issuerSeedHex);
    disk.put(
      '/etc/choria/provisioner.yaml',
      JSON.stringify({
        helper: '/usr/local/bin/helper',
        token: provisioningSecret,
        workers: 4,
        interval: '1m',
        choria_insecure: true,
        broker_provisioning_password: provisioningPassword,
        jwt_verify_cert: organisation.issuerHex,
        ...(security === 'tokens' ? {jwt_signing_key: '/etc/choria/signer.seed'} : {}),
        features: {jwt: true, ed25519: security === 'tokens'},
      }),
    );
  }

  #write(
    host: SimHost,
    options: {readonly name: string; readonly identity: Identity; readonly settings: readonly string[]},
  ): void {
    const {name, identity, settings} = options;
    for (const [path, content] of Object.entries(identity.files))
      host.disk.put(path, content, path.endsWith('.pem') ? 0o644 : 0o600);
    const lines = new Set([...commonSettings(name), ...identity.settings, ...settings]);
    host.disk.put(configPath, `${[...lines].join('\n')}\n`);
  }

  #add(kind: string, text: string): void {
    this.#options.history.add(this.#options.timeline.nowMs, {kind, text});
  }

  /** Descriptions of the nodes' own agents; those that come with the program are found by the client itself. */
  #resolver(process: SimProcess): DdlResolver {
    const agents = this.#options.agents({identity: 'client', index: -1, platform: process.platform});
    const own = new Map(agents.map((agent) => [agent.metadata.name, agentDdl(agent)]));
    const builtin = createDdlResolver({files: process.platform.files, directories: []});
    return {
      agent: async (name) => own.get(name) ?? builtin.agent(name),
      data: (name) => builtin.data(name),
      agentNames: async () => [...own.keys(), ...(await builtin.agentNames())],
      dataNames: () => builtin.dataNames(),
    };
  }
}

function certnameOf(machine: SimMachine): string {
  return machine.host.name === 'provisioner.sim' ? 'provisioner.mcollective' : machine.host.name;
}

function commonSettings(name: string): readonly string[] {
  return [
    `identity = ${name}`,
    'collectives = mcollective',
    'loglevel = error',
    `plugin.choria.middleware_hosts = ${brokerHost}:${brokerPort}`,
    'plugin.choria.use_srv = false',
  ];
}
