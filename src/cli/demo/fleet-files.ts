/**
 * The demo's fleet is an organisation like any other, made with what is behind `choria init`, for a week. What a real one does not have is added here: a
 * configuration for emulated nodes, and a stranger with a certificate of another authority.
 */
import {join} from 'node:path';
import type {Platform} from '../../lib/platform.ts';
import {createOrganisation, memberFolder, moveBroker, type NewNode} from '../../organisation/index.ts';

const privateMode = 0o600;
/** A kept demo may run over a weekend, hardly longer. */
const validityMs = 7 * 86_400_000;

export const callerName = 'demo.mcollective';
const strangerName = 'stranger.mcollective';
export const collective = 'mcollective';
const brokerName = 'broker.example.net';
/** Emulated nodes have certificates of their own; this one is only where their configuration and policies lie. */
const emulatorName = 'emulator.example.net';

/** The three real servers, unlike enough that filters have something to choose from. */
export const realNodes: readonly NewNode[] = [
  {name: 'web1.example.net', facts: {country: 'mt', role: 'web', cpus: 2}, classes: ['roles::web', 'nginx']},
  {name: 'web2.example.net', facts: {country: 'de', role: 'web', cpus: 4}, classes: ['roles::web', 'nginx']},
  {name: 'db1.example.net', facts: {country: 'mt', role: 'db', cpus: 8}, classes: ['roles::db', 'postgresql']},
];

export interface FleetFiles {
  readonly homeDirectory: string;
  readonly serverConfigs: readonly string[];
  readonly emulatorConfig: string;
  readonly authorityKey: string;
  readonly clientConfig: string;
  readonly strangerConfig: string;
}

/** Makes the organisation, and returns the broker's configuration; the others can be used when the broker's port is known. */
export async function writeOrganisation(platform: Platform, directory: string): Promise<string> {
  const broker = {host: brokerName, port: 0, listenAddress: '127.0.0.1'};
  await Promise.all([
    createOrganisation(platform, {
      directory: join(directory, 'demo'),
      broker,
      collectives: [collective],
      nodes: [...realNodes, {name: emulatorName}],
      operators: [callerName],
      validityMs,
    }),
    createOrganisation(platform, {
      directory: join(directory, 'strangers'),
      broker,
      nodes: [],
      operators: [strangerName],
      validityMs,
    }),
  ]);
  return join(directory, 'demo', memberFolder('broker', brokerName), 'broker.conf');
}

/** Tells everybody where the broker is, and adds the two configurations that only a demo has. */
export async function writeMembers(
  platform: Platform,
  options: {readonly directory: string; readonly brokerAddress: string},
): Promise<FleetFiles> {
  const {directory, brokerAddress} = options;
  const {files} = platform;
  const [host = '', port = ''] = brokerAddress.split(':');
  const demo = join(directory, 'demo');
  await moveBroker(files, demo, {host, port: Number(port)});

  const write = async (path: string, lines: readonly string[]): Promise<string> => {
    await files.writeAtomic(path, `${lines.join('\n')}\n`, {mode: privateMode});
    return path;
  };
  const common = (folder: string): readonly string[] => [
    `plugin.choria.middleware_hosts = ${brokerAddress}`,
    'plugin.choria.use_srv = false',
    `collectives = ${collective}`,
    'plugin.security.provider = file',
    `plugin.security.file.certificate = ${join(folder, 'certificate.pem')}`,
    `plugin.security.file.key = ${join(folder, 'key.pem')}`,
    // The stranger knows whom to trust, but nobody trusts the stranger.
    `plugin.security.file.ca = ${join(demo, 'authority', 'ca.pem')}`,
  ];
  const emulator = join(demo, memberFolder('node', emulatorName));
  const stranger = join(directory, 'strangers', memberFolder('user', strangerName));
  const homeDirectory = join(directory, 'home');
  await files.makeDirectory(homeDirectory, {mode: 0o700, recursive: true});
  return {
    homeDirectory,
    serverConfigs: realNodes.map((node) => join(demo, memberFolder('node', node.name), 'server.conf')),
    emulatorConfig: await write(join(emulator, 'emulator.conf'), [
      'logfile = stdout',
      'loglevel = warn',
      'plugin.actionpolicy.enable_default = true',
      ...common(emulator),
    ]),
    authorityKey: join(demo, 'authority', 'ca.key'),
    clientConfig: join(demo, memberFolder('user', callerName), 'client.conf'),
    strangerConfig: await write(join(stranger, 'stranger.conf'), [
      'logfile = stderr',
      'loglevel = error',
      ...common(stranger),
    ]),
  };
}
