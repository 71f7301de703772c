/**
 * A simulated fleet: a broker, nodes and callers on hosts of their own, running the code that ships.
 *
 * Hosts keep their disks; processes come and go. Certificates are real, made at the start.
 */
import {startBroker, type RunningBroker} from '../broker/index.ts';
import {loadConfig} from '../config/index.ts';
import {generateKey, issueCertificate, issueCertificateAuthority, type IssuedCertificate} from '../crypto/index.ts';
import {agentDdl, type DefinedAgent} from '../rpc/index.ts';
import {createDdlResolver} from '../ddl/index.ts';
import {silentLogger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {createServer, type ChoriaServer} from '../server/index.ts';
import type {DdlResolver} from '../ddl/types.ts';
import {SimDisk} from './disk.ts';
import type {History} from './history.ts';
import {SimNetwork} from './network.ts';
import {type SimHost, SimProcess} from './process.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

export const brokerHost = 'broker.sim';
const brokerPort = 4222;
const startWallMs = Date.UTC(2026, 10, 21, 12);
const validityMs = 3_650 * 86_400_000;
const diskDelayMs = 2;

export interface FleetOptions {
  readonly timeline: Timeline;
  readonly random: SimRandom;
  readonly history: History;
  readonly nodes: number;
  /** The agents of one node besides the built-in ones; asked at each start of its process. */
  readonly agents: (node: NodeSetting) => readonly DefinedAgent[];
  /** Action policies by agent name, the same on every node. */
  readonly policies: Readonly<Record<string, string>>;
  /** Absent: a country of three by turns, and the node's number. */
  readonly facts?: (index: number) => Readonly<Record<string, unknown>>;
  /** Absent: `even` or `odd`. */
  readonly classes?: (index: number) => readonly string[];
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
}

export interface NodeMachine extends SimMachine {
  readonly identity: string;
  readonly index: number;
  server: ChoriaServer | undefined;
}

interface BrokerMachine extends SimMachine {
  broker: RunningBroker | undefined;
}

export class SimFleet {
  readonly network: SimNetwork;
  readonly nodes: readonly NodeMachine[];
  readonly broker: BrokerMachine;
  readonly #options: FleetOptions;
  readonly #authority: Promise<IssuedCertificate>;
  readonly #nodeKeyPem: Promise<string>;
  readonly #callers = new Map<string, SimMachine>();
  #pid = 100;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.network = new SimNetwork(options.timeline, options.random.fork('network'));
    this.broker = {...this.#machine(brokerHost, '10.0.0.1'), broker: undefined};
    this.nodes = Array.from({length: options.nodes}, (_, index) => {
      const identity = `node${index}.sim`;
      return {
        ...this.#machine(identity, `10.0.${1 + Math.floor(index / 250)}.${index % 250}`),
        identity,
        index,
        server: undefined,
      };
    });
    const nowMs = startWallMs - 86_400_000;
    const random = options.random.fork('certificates');
    this.#authority = issueCertificateAuthority({
      commonName: 'Simulation authority',
      nowMs,
      random,
      validityMs,
      keyKind: 'ec',
    });
    this.#nodeKeyPem = generateKey('ec').then((pair) => pair.privateKeyPem);
  }

  /** Makes what each machine has on its disk. Uses real key generation, so it is done before simulated time begins. */
  async prepare(): Promise<void> {
    await this.#writeIdentity(this.broker.host, brokerHost, [
      'plugin.choria.broker_network = true',
      'plugin.choria.network.listen_address = 0.0.0.0',
      `plugin.choria.network.client_port = ${brokerPort}`,
    ]);
    for (const [index, node] of this.nodes.entries()) {
      await this.#writeIdentity(node.host, node.identity, [
        'plugin.choria.server.state_directory = /var/lib/choria',
        'rpcaudit = 1',
        'plugin.rpcaudit.logfile = /var/log/choria-audit.log',
        'plugin.yaml = /etc/choria/facts.json',
        'classesfile = /etc/choria/classes.txt',
      ]);
      const facts = this.#options.facts?.(index) ?? {country: ['mt', 'de', 'us'][index % 3], index};
      const classes = this.#options.classes?.(index) ?? [index % 2 === 0 ? 'even' : 'odd'];
      node.host.disk.put('/etc/choria/facts.json', `${JSON.stringify(facts)}\n`, 0o644);
      node.host.disk.put('/etc/choria/classes.txt', `${classes.join('\n')}\n`, 0o644);
      for (const [agent, policy] of Object.entries(this.#options.policies)) {
        node.host.disk.put(`/etc/choria/policies/${agent}.policy`, policy, 0o644);
      }
      node.host.disk.put('/var/log/keep', '', 0o600);
    }
  }

  /** A machine of a caller with this certificate name; made once. */
  async caller(name: string): Promise<SimMachine> {
    const known = this.#callers.get(name);
    if (known !== undefined) return known;
    const machine = this.#machine(`${name}.host`, `10.9.0.${this.#callers.size + 1}`);
    this.#callers.set(name, machine);
    await this.#writeIdentity(machine.host, name, []);
    return machine;
  }

  startBroker(): Promise<void> {
    const {broker} = this;
    return this.#startProcess(broker, async ({platform}) => {
      const config = await loadConfig({platform, mode: 'server', path: '/etc/choria/choria.conf'});
      broker.broker = await startBroker({config, platform, logger: silentLogger});
    });
  }

  startNode(node: NodeMachine): Promise<void> {
    return this.#startProcess(node, async ({platform}) => {
      const config = await loadConfig({platform, mode: 'server', path: '/etc/choria/choria.conf'});
      const server = await createServer({
        config,
        platform,
        logger: silentLogger,
        agentProviders: [],
        agents: this.#options.agents({identity: node.identity, index: node.index, platform}),
      });
      node.server = server;
      await server.start();
    });
  }

  /** Starts whatever is not running, as an operator would in the end. */
  async startMissing(): Promise<void> {
    if (this.broker.process?.isAlive !== true) await this.startBroker();
    await Promise.all(this.nodes.filter((node) => node.process?.isAlive !== true).map((node) => this.startNode(node)));
  }

  /** A new process on a caller's machine, and the descriptions its client needs. */
  clientProcess(
    machine: SimMachine,
    options: {readonly certname: string},
  ): {readonly platform: Platform; readonly resolver: DdlResolver} {
    const process = this.#start(machine, {MCOLLECTIVE_CERTNAME: options.certname});
    return {platform: process.platform, resolver: this.#resolver(process)};
  }

  /** Ends whatever runs on a machine, at once. */
  kill(machine: SimMachine, options: {readonly powerCut?: boolean} = {}): void {
    const {powerCut = false} = options;
    machine.process?.kill({silently: powerCut});
    machine.process = undefined;
    if (powerCut) machine.host.disk.cutPower();
    if ('server' in machine) machine.server = undefined;
    if ('broker' in machine) machine.broker = undefined;
  }

  /** A program that cannot start ends, as it does in life. */
  async #startProcess(machine: SimMachine, begin: (process: SimProcess) => Promise<void>): Promise<void> {
    const process = this.#start(machine, {});
    try {
      await begin(process);
    } catch (error) {
      process.kill({silently: false});
      throw error;
    }
  }

  #start(machine: SimMachine, env: Readonly<Record<string, string>>): SimProcess {
    machine.process?.kill({silently: false});
    const pid = this.#pid++;
    const process = new SimProcess({
      host: machine.host,
      pid,
      timeline: this.#options.timeline,
      network: this.network,
      random: this.#options.random.fork(`process-${machine.host.name}-${pid}`),
      startWallMs,
      env: {HOME: '/root', USER: 'root', ...env},
    });
    machine.process = process;
    return process;
  }

  #machine(name: string, address: string): SimMachine {
    const disk = new SimDisk(this.#options.random.fork(`disk-${name}`));
    return {host: {name, address, disk, clockOffsetMs: 0, diskDelayMs}, process: undefined};
  }

  async #writeIdentity(host: SimHost, name: string, lines: readonly string[]): Promise<void> {
    const isCaller = name.endsWith('.mcollective');
    const authority = await this.#authority;
    const issued = await issueCertificate({
      authority,
      commonName: name,
      nowMs: startWallMs - 86_400_000,
      random: this.#options.random.fork(`certificate-${name}`),
      validityMs,
      // Protocol v1 signs with RSA; nodes only need a key for TLS and may share it.
      ...(isCaller ? {keyKind: 'rsa' as const} : {keyPem: await this.#nodeKeyPem}),
    });
    host.disk.put('/etc/choria/ssl/ca.pem', authority.certificatePem, 0o644);
    host.disk.put('/etc/choria/ssl/own.pem', issued.certificatePem, 0o644);
    host.disk.put('/etc/choria/ssl/own.key', issued.keyPem);
    const all = [
      `identity = ${name}`,
      'collectives = mcollective',
      'loglevel = error',
      `plugin.choria.middleware_hosts = ${brokerHost}:${brokerPort}`,
      'plugin.choria.use_srv = false',
      'plugin.security.provider = file',
      'plugin.security.file.certificate = /etc/choria/ssl/own.pem',
      'plugin.security.file.key = /etc/choria/ssl/own.key',
      'plugin.security.file.ca = /etc/choria/ssl/ca.pem',
      ...lines,
    ];
    host.disk.put('/etc/choria/choria.conf', `${all.join('\n')}\n`);
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
