/** Reads from a configuration what a broker needs to decide about connections. Both engines use it. */
import {createPublicKey, type KeyObject, X509Certificate} from 'node:crypto';
import {resolve} from 'node:path';
import type {Config} from '../../config/index.ts';
import {issuerKeys} from '../../connect/index.ts';
import {cryptoLimits, ed25519PublicKey, isHexKey} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Platform} from '../../lib/platform.ts';
import {BrokerError} from '../errors.ts';
import {createNetworkList} from './networks.ts';
import type {BrokerAuthOptions, ProvisioningAuth} from './broker-auth.ts';

/**
 * @throws {BrokerError} `ERR_BROKER_SETTING` for keys that cannot be read and settings that exclude each other
 * @throws {ConnectError} `ERR_CONNECT_SETTING` for an issuer without a key
 */
export async function brokerAuthOptions(
  config: Config,
  platform: Pick<Platform, 'files' | 'clock' | 'host'>,
): Promise<BrokerAuthOptions> {
  checkExcluded(config);
  const issuers = Object.fromEntries(
    Object.entries(issuerKeys(config)).map(([name, hex]) => [name, Buffer.from(hex, 'hex')]),
  );
  const signers = (key: 'client' | 'server'): Promise<readonly KeyObject[]> =>
    Promise.all(
      listOf(config.get(`plugin.choria.network.${key}_signer_cert`)).map((item) => readSigner(item, platform)),
    );
  const user = config.get('plugin.choria.network.system.user').trim();
  const provisioning = await readProvisioning(config, platform);
  return {
    clock: platform.clock,
    clientHosts: listOf(config.get('plugin.choria.network.client_hosts')),
    isNodeDenied: config.get('plugin.choria.network.deny_server_connections'),
    isOpen: config.get('plugin.choria.network.open_certificates'),
    ...patterns('allowedCallers', config.get('plugin.choria.security.certname_whitelist')),
    ...patterns('privilegedCallers', config.get('plugin.choria.security.privileged_users')),
    ...(user === '' ? {} : {system: {user, password: config.get('plugin.choria.network.system.password').trim()}}),
    issuers,
    isCertificateBesideTokens: config.get('plugin.security.choria.ca').trim() !== '',
    clientSigners: await signers('client'),
    serverSigners: await signers('server'),
    ...(provisioning === undefined ? {} : {provisioning}),
  };
}

function patterns(name: 'allowedCallers' | 'privilegedCallers', value: readonly string[]): Partial<BrokerAuthOptions> {
  const items = listOf(value);
  return items.length === 0 ? {} : {[name]: items};
}

/** Two ways to know whose tokens count would let the weaker one decide. */
function checkExcluded(config: Config): void {
  if (listOf(config.get('plugin.security.issuer.names')).length === 0) return;
  const others = [
    'plugin.choria.network.client_signer_cert',
    'plugin.choria.network.server_signer_cert',
    'plugin.security.choria.trusted_signers',
  ] as const;
  for (const key of others) {
    if (listOf(config.get(key)).length === 0) continue;
    throw settingError(
      `Cannot start the broker: "plugin.security.issuer.names" and "${key}" are both set, expected one way to trust tokens`,
    );
  }
}

/** What is half configured or mistyped is said at start, because it would silently not work. */
export function authWarnings(config: Config): readonly string[] {
  const password = config.get('plugin.choria.network.provisioning.client_password');
  const signer = config.get('plugin.choria.network.provisioning.signer_cert');
  const hasIssuers = listOf(config.get('plugin.security.issuer.names')).length > 0;
  const warnings: string[] = [];
  if (signer !== '' && password === '') {
    warnings.push(
      '"plugin.choria.network.provisioning.signer_cert" has no effect without "plugin.choria.network.provisioning.client_password": there is no provisioning account',
    );
  }
  if (password !== '' && signer === '' && !hasIssuers) {
    warnings.push(
      'Unprovisioned servers are refused: expected "plugin.choria.network.provisioning.signer_cert" or an organization issuer beside "plugin.choria.network.provisioning.client_password"',
    );
  }
  if (config.get('plugin.choria.network.provisioning.provisioner_without_token')) {
    warnings.push('"plugin.choria.network.provisioning.provisioner_without_token" lets the provisioner in by password');
  }
  for (const entry of createNetworkList(listOf(config.get('plugin.choria.network.client_hosts'))).invalid) {
    warnings.push(
      `Cannot use ${JSON.stringify(entry)} of "plugin.choria.network.client_hosts": expected an address or a network such as 192.0.2.0/24; it matches nobody`,
    );
  }
  return warnings;
}

async function readProvisioning(
  config: Config,
  platform: Pick<Platform, 'files' | 'host'>,
): Promise<ProvisioningAuth | undefined> {
  const password = config.get('plugin.choria.network.provisioning.client_password').trim();
  if (password === '') return undefined;
  const path = config.get('plugin.choria.network.provisioning.signer_cert').trim();
  return {
    password,
    isTokenOptional: config.get('plugin.choria.network.provisioning.provisioner_without_token'),
    ...(path === '' ? {} : {signer: await readSigner(path, platform)}),
  };
}

/** A public ed25519 key in hex, or a file with a certificate, a public key, or such hex text. */
async function readSigner(item: string, platform: Pick<Platform, 'files' | 'host'>): Promise<KeyObject> {
  if (isHexKey(item)) return ed25519PublicKey(Buffer.from(item, 'hex'));
  const path = resolve(platform.host.workingDirectory, item);
  let text: string;
  try {
    text = (await platform.files.read(path, {limitBytes: cryptoLimits.credentialFileBytesMax})).toString('utf8');
  } catch (cause) {
    const message = `Cannot read the key of a token signer in "${path}": ${errorMessage(cause)}`;
    throw new BrokerError('ERR_BROKER_SETTING', message, {cause});
  }
  if (isHexKey(text.trim())) return ed25519PublicKey(Buffer.from(text.trim(), 'hex'));
  try {
    return text.includes('BEGIN CERTIFICATE') ? new X509Certificate(text).publicKey : createPublicKey(text);
  } catch (cause) {
    const message = `Cannot use "${path}" as the key of a token signer: expected a PEM certificate, a PEM public key or 64 hex characters`;
    throw new BrokerError('ERR_BROKER_SETTING', message, {cause});
  }
}

function settingError(message: string): BrokerError {
  return new BrokerError('ERR_BROKER_SETTING', message);
}

function listOf(value: readonly string[]): readonly string[] {
  return value.map((item) => item.trim()).filter((item) => item !== '');
}
