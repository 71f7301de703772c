/**
 * The configuration files of brokers, nodes and users, as texts.
 *
 * Every path in them is absolute, below the place where the member's folder will lie: here, or on another machine.
 */
import {join} from 'node:path';
import type {MemberKind, Organisation} from './types.ts';

export interface ConfigurationOptions {
  readonly organisation: Pick<Organisation, 'name' | 'broker' | 'collectives' | 'security' | 'issuer'>;
  readonly name: string;
  /** Absolute folder in which the member's files will lie when its program runs. */
  readonly target: string;
  /** Of the account in which nodes wait to be provisioned; for brokers. */
  readonly provisioningPassword?: string;
}

export const caName = 'ca.pem';
export const certificateName = 'certificate.pem';
export const keyName = 'key.pem';
export const tokenName = 'token.jwt';
export const seedName = 'seed';
export const factsName = 'facts.yaml';
export const classesName = 'classes.txt';
/** Name of the organisation unit in tokens; the one that tokens have without being told. */
export const issuerName = 'choria';
/** What a server must not forget: the requests it has run. */
export const stateFolder = 'state';
/** What counts no longer; brokers and servers read it again when it changes. */
export const revokedName = 'revoked';
/** The certificates among it, as the authority signed it; where members have certificates. */
export const revocationListName = 'crl.pem';
/** Checks the tokens of images, in hex; where no issuer signs them. */
export const provisioningKeyName = 'provisioning.pub';

export function configurationText(kind: MemberKind, options: ConfigurationOptions): string {
  switch (kind) {
    case 'broker':
      return brokerText(options);
    case 'node':
      return serverText(options);
    case 'user':
      return clientText(options);
    case 'provisioner':
      return provisionerText(options);
  }
}

/** `host:port` as settings want it. */
export function brokerAddressText(broker: Organisation['broker']): string {
  return `${broker.host.includes(':') ? `[${broker.host}]` : broker.host}:${broker.port}`;
}

function lines(title: string, sections: readonly (readonly string[])[]): string {
  return [`# ${title}\n`, ...sections.map((section) => section.map((line) => `${line}\n`).join(''))].join('\n');
}

/** Only a broker has a TLS certificate where members have tokens. */
function tokenLines(
  target: string,
  {issuer, kind}: {readonly issuer: string; readonly kind: MemberKind},
): readonly string[] {
  return [
    'plugin.security.provider = choria',
    `plugin.security.choria.token_file = ${join(target, tokenName)}`,
    `plugin.security.choria.seed_file = ${join(target, seedName)}`,
    ...(kind === 'broker'
      ? [
          `plugin.security.choria.certificate = ${join(target, certificateName)}`,
          `plugin.security.choria.key = ${join(target, keyName)}`,
        ]
      : []),
    `plugin.security.choria.ca = ${join(target, caName)}`,
    `plugin.security.issuer.names = ${issuerName}`,
    `plugin.security.issuer.${issuerName}.public = ${issuer}`,
  ];
}

function securityLines({organisation, target}: ConfigurationOptions, kind: MemberKind): readonly string[] {
  if (organisation.security === 'jwt') return tokenLines(target, {issuer: organisation.issuer ?? '', kind});
  return [
    'plugin.security.provider = file',
    `plugin.security.file.certificate = ${join(target, certificateName)}`,
    `plugin.security.file.key = ${join(target, keyName)}`,
    `plugin.security.file.ca = ${join(target, caName)}`,
  ];
}

function networkLines({broker, collectives}: ConfigurationOptions['organisation']): readonly string[] {
  return [
    `plugin.choria.middleware_hosts = ${brokerAddressText(broker)}`,
    'plugin.choria.use_srv = false',
    `collectives = ${collectives.join(',')}`,
    `main_collective = ${collectives[0] ?? ''}`,
  ];
}

function brokerText(options: ConfigurationOptions): string {
  const {organisation, name} = options;
  const {broker} = organisation;
  return lines(`The broker of ${organisation.name}, written by choria init`, [
    [`identity = ${name}`, 'logfile = stdout', 'loglevel = info'],
    [
      'plugin.choria.broker_network = true',
      `plugin.choria.network.client_port = ${broker.port}`,
      ...(broker.listenAddress === undefined ? [] : [`plugin.choria.network.listen_address = ${broker.listenAddress}`]),
      'plugin.choria.use_srv = false',
    ],
    [...securityLines(options, 'broker'), ...revocationLines(options)],
    provisioningLines(options),
  ]);
}

function provisioningLines({organisation, target, provisioningPassword}: ConfigurationOptions): readonly string[] {
  if (provisioningPassword === undefined) return [];
  return [
    '# Nodes that wait to be provisioned, kept apart from the fleet.',
    `plugin.choria.network.provisioning.client_password = ${provisioningPassword}`,
    ...(organisation.security === 'x509'
      ? [`plugin.choria.network.provisioning.signer_cert = ${join(target, provisioningKeyName)}`]
      : []),
  ];
}

function revocationLines({organisation, target}: ConfigurationOptions): readonly string[] {
  return [
    `plugin.choria.security.revocation_file = ${join(target, revokedName)}`,
    ...(organisation.security === 'x509' ? [`plugin.security.crl_file = ${join(target, revocationListName)}`] : []),
  ];
}

function serverText(options: ConfigurationOptions): string {
  const {organisation, name, target} = options;
  return lines(`The node ${name} of ${organisation.name}, written by choria init`, [
    [`identity = ${name}`, 'logfile = stdout', 'loglevel = info'],
    networkLines(organisation),
    [...securityLines(options, 'node'), ...revocationLines(options)],
    [
      '# What filters look at.',
      `plugin.yaml = ${join(target, factsName)}`,
      `classesfile = ${join(target, classesName)}`,
    ],
    [
      '# Nothing runs that no policy allows, and nothing runs unrecorded.',
      'rpcauthorization = true',
      'rpcauthprovider = action_policy',
      'plugin.actionpolicy.enable_default = true',
      'rpcaudit = true',
      `plugin.rpcaudit.logfile = ${join(target, 'audit.log')}`,
    ],
    [
      `plugin.choria.server.state_directory = ${join(target, stateFolder)}`,
      `plugin.choria.status_file_path = ${join(target, 'status.json')}`,
    ],
  ]);
}

function clientText(options: ConfigurationOptions): string {
  const {organisation, name} = options;
  return lines(`The user ${name} of ${organisation.name}, written by choria init`, [
    [`identity = ${name}`, 'logfile = stderr', 'loglevel = warn'],
    networkLines(organisation),
    securityLines(options, 'user'),
  ]);
}

function provisionerText(options: ConfigurationOptions): string {
  const {organisation, name} = options;
  return lines(`The provisioner of ${organisation.name}, written by choria init`, [
    [`identity = ${name}`, 'logfile = stdout', 'loglevel = info'],
    networkLines(organisation),
    securityLines(options, 'provisioner'),
  ]);
}
