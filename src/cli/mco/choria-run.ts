/** `mco choria show_config` and what became of its other actions. */
import {dirname, join} from 'node:path';
import {type Config, displayValue, findUserConfig} from '../../config/index.ts';
import {federationCollectives, puppetCertname, puppetSslDirectory, resolveServers} from '../../connect/index.ts';
import {parseCertificate, parsePem} from '../../crypto/index.ts';
import {CliError} from '../errors.ts';
import {certificateFileBytesMax} from '../limits.ts';
import {inertLine} from '../render/inert.ts';
import {openCommand} from '../setup.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {version} from '../version.ts';
import {classicPaint, type ClassicPaint} from './style.ts';

type Rows = readonly (readonly [string, string])[];

export async function runMcoChoria(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const action = parsed.arguments['action'];
  switch (action) {
    case 'show_config':
      return showConfig(context, parsed);
    case 'request_cert':
      context.stdout.write("Please use 'choria enroll' to enroll in the security subsystem\n");
      return 1;
    case undefined:
      throw new CliError('ERR_CLI_FAILED', 'Please specify a command, valid commands are: show_config');
    default:
      throw new CliError('ERR_CLI_FAILED', `Unknown command ${String(action)}, valid commands are: show_config`);
  }
}

function block(title: string, rows: Rows): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return `${title}:\n\n${rows.map(([label, value]) => `${label.padStart(width)}: ${value}\n`).join('')}\n`;
}

async function showConfig(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout} = context;
  const {config, logger} = await openCommand(context, parsed);
  const paint = classicPaint({configured: config.get('color'), env: platform.env});
  const federations = federationCollectives(config, {platform});
  const servers = await resolveServers(config, {platform, logger});
  const place = config.path ?? '';
  const rows: Rows = [
    ['MCollective Version', version],
    ['Choria Version', version],
    ['Client Config File', inertLine(await findUserConfig(platform))],
    ['Active Config File', inertLine(place)],
    ['Plugin Config Dir', inertLine(join(dirname(place), 'plugin.d'))],
    ['Using SRV Records', String(config.get('plugin.choria.use_srv'))],
    ['Federated', String(federations.length > 0)],
    ['SRV Domain', inertLine(config.get('plugin.choria.srv_domain'))],
    ['NATS NGS', String(config.get('plugin.nats.credentials') !== '')],
    ['Middleware Servers', inertLine(servers.map((server) => server.replace(/^\w+:\/\//, '')).join(', '))],
    ...(federations.length > 0 ? ([['Federation Collectives', inertLine(federations.join(', '))]] as const) : []),
  ];
  stdout.write(
    [
      'Active Choria configuration:\n\n',
      'What is configured, found by SRV records or taken by default, as it is when an\napplication runs.\n\n',
      block('MCollective related', rows),
      block('Puppet related', puppetRows(config, platform.host.hostname)),
      await securityBlock(context, {config, logger, paint}),
      settingsBlock(config),
    ].join(''),
  );
  logger.close();
  return 0;
}

function puppetRows(config: Config, hostname: string): Rows {
  return [
    [
      'Puppet Server',
      inertLine(`${config.get('plugin.choria.puppetserver_host')}:${config.get('plugin.choria.puppetserver_port')}`),
    ],
    [
      'PuppetCA Server',
      inertLine(`${config.get('plugin.choria.puppetca_host')}:${config.get('plugin.choria.puppetca_port')}`),
    ],
    [
      'PuppetDB Server',
      inertLine(
        `${config.get('plugin.choria.puppetdb_host') || 'puppet'}:${config.get('plugin.choria.puppetdb_port')}`,
      ),
    ],
    // The proxy of the Ruby client is a program that no longer exists.
    ['Discovery Proxy', 'not using a proxy'],
    ['Facter Command', 'facter'],
    ['Facter Domain', inertLine(hostname.split('.').slice(1).join('.'))],
  ];
}

async function securityBlock(
  context: CliContext,
  setup: {
    readonly config: Config;
    readonly logger: Parameters<typeof puppetCertname>[1]['logger'];
    readonly paint: ClassicPaint;
  },
): Promise<string> {
  const {config, logger, paint} = setup;
  const {platform} = context;
  const security = {platform, mode: 'client', logger} as const;
  const certname = puppetCertname(config, security);
  const directory = await puppetSslDirectory(config, security);
  const exists = async (path: string): Promise<boolean> =>
    platform.files.stat(path).then(
      () => true,
      () => false,
    );
  const found = async (path: string): Promise<string> =>
    `${inertLine(path)} (${(await exists(path)) ? paint.green('found') : paint.red('absent')})`;
  const isFile = config.get('plugin.security.provider') === 'file';
  const paths = isFile
    ? {
        certificate: config.get('plugin.security.file.certificate'),
        key: config.get('plugin.security.file.key'),
        ca: config.get('plugin.security.file.ca'),
        request: '',
      }
    : puppetPaths(directory, certname);
  const needed = await Promise.all([paths.certificate, paths.key, paths.ca].map(exists));
  const common = needed[0] === true ? await commonName(context, paths.certificate) : undefined;
  const isValid = needed.every(Boolean) && common === certname;
  const match = common === certname ? paint.green('match') : paint.red('does not match certname');
  return block('Security setup', [
    ['Valid SSL Setup', isValid ? paint.green('yes') : `${paint.red('no')} try running 'choria enroll'`],
    ['Security Provider', inertLine(config.get('plugin.security.provider'))],
    ['Certname', inertLine(certname)],
    ...(isFile ? [] : ([['SSL Directory', await found(directory)]] as const)),
    ['Client Public Cert', await found(paths.certificate)],
    ['Client Private Key', await found(paths.key)],
    ['CA Path', await found(paths.ca)],
    ...(isFile ? [] : ([['CSR Path', await found(paths.request)]] as const)),
    ...(common === undefined ? [] : ([['Public Cert CN', `${inertLine(common)} (${match})`]] as const)),
  ]);
}

function puppetPaths(directory: string, certname: string) {
  return {
    certificate: join(directory, 'certs', `${certname}.pem`),
    key: join(directory, 'private_keys', `${certname}.pem`),
    ca: join(directory, 'certs', 'ca.pem'),
    request: join(directory, 'certificate_requests', `${certname}.pem`),
  };
}

async function commonName({platform}: CliContext, path: string): Promise<string | undefined> {
  const pem = (await platform.files.read(path, {limitBytes: certificateFileBytesMax})).toString('utf8');
  const [first] = parsePem(pem, {blocksMax: 1});
  return first === undefined ? undefined : parseCertificate(first.der).commonName;
}

/** `plugin.choria.*` as it stands in the files, without its first word; what is secret is not shown. */
function settingsBlock(config: Config): string {
  const prefix = 'plugin.';
  const entries = [...config.rawEntries()].filter(([key]) => key.startsWith(`${prefix}choria`));
  const title = 'Active Choria configuration settings as found in configuration files';
  if (entries.length === 0) return `${title}:\n\n  No custom Choria settings found in your configuration files\n\n`;
  const rows = entries.map(
    ([key, value]) => [inertLine(key.slice(prefix.length)), inertLine(displayValue(key, value))] as const,
  );
  return block(title, rows);
}
