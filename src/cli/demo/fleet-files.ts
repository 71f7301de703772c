/**
 * Writes what a small fleet needs into a private folder: an authority, certificates, configurations, facts and classes.
 *
 * Callers have RSA keys, because protocol v1 signs with RSA; nodes and the broker have EC keys, which cost a hundredth to make.
 */
import {join} from 'node:path';
import {issueCertificate, issueCertificateAuthority} from '../../crypto/index.ts';
import type {IssuedCertificate, KeyKind} from '../../crypto/index.ts';
import type {Platform} from '../../lib/platform.ts';

const privateMode = 0o600;
const publicMode = 0o644;
/** A kept demo may run over a weekend, hardly longer. */
const validityMs = 7 * 86_400_000;

export const callerName = 'demo.mcollective';
export const strangerName = 'stranger.mcollective';
export const collective = 'mcollective';

export interface DemoNode {
  readonly identity: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly classes: readonly string[];
}

/** The three real servers, unlike enough that filters have something to choose from. */
export const realNodes: readonly DemoNode[] = [
  {identity: 'web1.example.net', facts: {country: 'mt', role: 'web', cpus: 2}, classes: ['roles::web', 'nginx']},
  {identity: 'web2.example.net', facts: {country: 'de', role: 'web', cpus: 4}, classes: ['roles::web', 'nginx']},
  {identity: 'db1.example.net', facts: {country: 'mt', role: 'db', cpus: 8}, classes: ['roles::db', 'postgresql']},
];

export interface FleetFiles {
  readonly directory: string;
  readonly homeDirectory: string;
  readonly brokerConfig: string;
  readonly serverConfigs: readonly string[];
  readonly emulatorConfig: string;
  readonly clientConfig: string;
  readonly strangerConfig: string;
}

/** Rights are denied unless a policy allows: the demo's caller may ask what the nodes are, nobody else anything. */
const policy = `policy default deny
allow\tchoria=${callerName}\t*\t*\t*
`;

async function writePolicies(platform: Platform, directory: string): Promise<void> {
  const folder = join(directory, 'policies');
  await platform.files.makeDirectory(folder, {mode: 0o700, recursive: true});
  await platform.files.writeAtomic(join(folder, 'rpcutil.policy'), policy, {mode: publicMode});
}

/** What is the same for everybody who connects: where the broker is, and who they are. */
function securityLines(directory: string, name: string): string {
  return [
    'plugin.security.provider = file',
    `plugin.security.file.certificate = ${join(directory, 'ssl', `${name}.pem`)}`,
    `plugin.security.file.key = ${join(directory, 'ssl', `${name}.key`)}`,
    `plugin.security.file.ca = ${join(directory, 'ssl', 'ca.pem')}`,
  ].join('\n');
}

/** Makes folders, keys, certificates and the broker's configuration; the others follow when the broker's port is known. */
export async function writeAuthority(platform: Platform, directory: string): Promise<string> {
  const {files, clock} = platform;
  const ssl = join(directory, 'ssl');
  await files.makeDirectory(ssl, {mode: 0o700, recursive: true});
  const common = {nowMs: clock.nowMs(), random: platform.random, validityMs};
  const authority = await issueCertificateAuthority({commonName: 'Choria demo authority', ...common, keyKind: 'ec'});
  const otherAuthority = await issueCertificateAuthority({commonName: 'Another authority', ...common, keyKind: 'ec'});
  await files.writeAtomic(join(ssl, 'ca.pem'), authority.certificatePem, {mode: publicMode});
  await files.writeAtomic(join(ssl, 'ca.key'), authority.keyPem, {mode: privateMode});

  const issue = async (issuer: IssuedCertificate, name: string, keyKind: KeyKind): Promise<void> => {
    const isCaller = name.endsWith('.mcollective');
    const issued = await issueCertificate({
      authority: issuer,
      commonName: name,
      dnsNames: isCaller ? [name] : [name, 'localhost'],
      ipAddresses: name.startsWith('broker.') ? ['127.0.0.1'] : [],
      keyKind,
      ...common,
    });
    await files.writeAtomic(join(ssl, `${name}.pem`), issued.certificatePem, {mode: publicMode});
    await files.writeAtomic(join(ssl, `${name}.key`), issued.keyPem, {mode: privateMode});
  };
  await Promise.all([
    issue(authority, 'broker.example.net', 'ec'),
    issue(authority, callerName, 'rsa'),
    issue(otherAuthority, strangerName, 'rsa'),
    ...realNodes.map((node) => issue(authority, node.identity, 'ec')),
  ]);

  const brokerConfig = join(directory, 'broker.conf');
  const lines = [
    'identity = broker.example.net',
    'logfile = stdout',
    'loglevel = info',
    'plugin.choria.broker_network = true',
    'plugin.choria.network.listen_address = 127.0.0.1',
    'plugin.choria.network.client_port = 0',
    'plugin.choria.use_srv = false',
    securityLines(directory, 'broker.example.net'),
  ];
  await files.writeAtomic(brokerConfig, `${lines.join('\n')}\n`, {mode: privateMode});
  return brokerConfig;
}

/** Writes the configurations of everybody who connects to the broker. */
export async function writeMembers(
  platform: Platform,
  options: {readonly directory: string; readonly brokerAddress: string},
): Promise<FleetFiles> {
  const {directory, brokerAddress} = options;
  const {files} = platform;
  const common = [
    `plugin.choria.middleware_hosts = ${brokerAddress}`,
    'plugin.choria.use_srv = false',
    `collectives = ${collective}`,
  ];
  const write = async (name: string, lines: readonly string[]): Promise<string> => {
    const path = join(directory, name);
    await files.writeAtomic(path, `${lines.join('\n')}\n`, {mode: privateMode});
    return path;
  };
  const serverConfigs: string[] = [];
  for (const node of realNodes) {
    const folder = join(directory, node.identity);
    await files.makeDirectory(folder, {mode: 0o700, recursive: true});
    await files.writeAtomic(join(folder, 'facts.json'), `${JSON.stringify(node.facts)}\n`, {mode: publicMode});
    await writePolicies(platform, folder);
    await files.writeAtomic(join(folder, 'classes.txt'), `${node.classes.join('\n')}\n`, {mode: publicMode});
    serverConfigs.push(
      await write(join(node.identity, 'server.conf'), [
        `identity = ${node.identity}`,
        'logfile = stdout',
        'loglevel = info',
        `classesfile = ${join(folder, 'classes.txt')}`,
        `plugin.yaml = ${join(folder, 'facts.json')}`,
        `plugin.choria.status_file_path = ${join(folder, 'status.json')}`,
        ...common,
        securityLines(directory, node.identity),
      ]),
    );
  }
  await writePolicies(platform, directory);
  const homeDirectory = join(directory, 'home');
  await files.makeDirectory(homeDirectory, {mode: 0o700, recursive: true});
  return {
    directory,
    homeDirectory,
    brokerConfig: join(directory, 'broker.conf'),
    serverConfigs,
    emulatorConfig: await write('emulator.conf', [
      'logfile = stdout',
      'loglevel = warn',
      ...common,
      securityLines(directory, callerName),
    ]),
    clientConfig: await write('client.conf', [
      'logfile = stderr',
      'loglevel = warn',
      ...common,
      securityLines(directory, callerName),
    ]),
    strangerConfig: await write('stranger.conf', [
      'logfile = stderr',
      'loglevel = error',
      ...common,
      securityLines(directory, strangerName),
    ]),
  };
}
