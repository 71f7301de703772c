/** The security part of `choria tool config`: what is wrong, who this process is, and whether its files are there. */
import {type Config, displayValue} from '../../config/index.ts';
import {chooseSecurityProvider, ConnectError, systemUserName} from '../../connect/index.ts';
import {CryptoError} from '../../crypto/index.ts';
import {isJsonObject, jsonField, parseJson} from '../../lib/json.ts';
import type {Logger} from '../../lib/logger.ts';
import type {Platform} from '../../lib/platform.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {Paint} from '../render/colour.ts';
import {label, listLines} from './tool-config-lines.ts';

export interface SecurityLineOptions {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly paint: Paint;
}

interface SecurityState {
  readonly problems: readonly string[];
  readonly callerId: string;
  readonly certname: string;
}

export async function securityLines(config: Config, options: SecurityLineOptions): Promise<readonly string[]> {
  const name = config.get('plugin.security.provider');
  const {problems, callerId, certname} = await securityState(config, options);
  const {paint} = options;
  return [
    label('Security Provider', name.slice(0, 1).toUpperCase() + name.slice(1)),
    `${label('Valid Security', '')}${problems.length === 0 ? paint.green('yes') : paint.red('no')}`,
    ...listLines('Security Errors', problems),
    label('Caller ID', callerId),
    label('Certname', certname),
    ...(await pkcs11Lines(config, options)),
    ...(await fileLines(config, options)),
    ...signerLines(config),
  ];
}

async function securityState(config: Config, options: SecurityLineOptions): Promise<SecurityState> {
  const name = config.get('plugin.security.provider');
  if (name === 'choria') return choriaState(config, options);
  try {
    const provider = await chooseSecurityProvider(config, {...options, mode: 'client'});
    return {problems: await provider.validate(), callerId: provider.callerId, certname: provider.certname};
  } catch (error) {
    if (error instanceof CryptoError) return {problems: [error.message], callerId: '', certname: ''};
    if (!(error instanceof ConnectError)) throw error;
    if (name === 'pkcs11' || name === 'certmanager') return {problems: [error.message], callerId: '', certname: ''};
    const known = ['puppet', 'file', 'choria'].includes(name);
    throw new CliError(
      'ERR_CLI_FAILED',
      `could not initialize Choria: could not set up security framework: ${known ? error.message : `unknown security provider ${name}`}`,
      {cause: error},
    );
  }
}

/** The name is the user's; a token that can be read gives the caller. */
async function choriaState(config: Config, options: SecurityLineOptions): Promise<SecurityState> {
  const {platform, logger} = options;
  const token = config.get('plugin.security.choria.token_file');
  const seed = config.get('plugin.security.choria.seed_file');
  const mutualTls = (['certificate', 'key', 'ca'] as const).every(
    (part) => config.get(`plugin.security.choria.${part}`) !== '',
  );
  logger.info('Security provider initializing', {
    component: 'security',
    mTLS: mutualTls,
    security: 'choria',
    seed,
    token,
  });
  const certname = systemUserName(platform);
  if (certname === '') {
    throw new CliError(
      'ERR_CLI_FAILED',
      'could not initialize Choria: could not set up security framework: could not determine client identity, ensure USER environment variable is set',
    );
  }
  const problems = [
    ...(token === '' ? ['the path to the JWT token is not configured'] : []),
    ...(seed === '' ? ['the path to the ed25519 seed is not configured'] : []),
  ];
  return {problems, callerId: (await tokenCaller(token, platform)) ?? `choria=${certname}`, certname};
}

/** Tokens are a few kilobytes; policies inside them make some larger. */
const tokenBytesMax = 256 * 1024;

/** The caller that a token names. Nothing is verified: this is shown, never trusted. */
async function tokenCaller(path: string, platform: Platform): Promise<string | undefined> {
  if (path === '') return undefined;
  try {
    const text = (await platform.files.read(path, {limitBytes: tokenBytesMax})).toString('utf8');
    const claims = parseJson(Buffer.from(text.split('.')[1] ?? '', 'base64url'), {bytesMax: tokenBytesMax});
    const caller = isJsonObject(claims) ? jsonField(claims, 'callerid') : undefined;
    return typeof caller === 'string' && caller !== '' ? caller : undefined;
  } catch {
    // A token that is not there or no token at all: the name of the user stands in, as without one.
    return undefined;
  }
}

async function pkcs11Lines(config: Config, options: SecurityLineOptions): Promise<readonly string[]> {
  const driver = config.get('plugin.security.pkcs11.driver_file');
  if (driver === '') return [];
  return [
    await fileLine('PKC11 Driver', driver, options),
    label('PKCS11 Slot', String(config.get('plugin.security.pkcs11.slot'))),
  ];
}

/** Shown for whichever provider, as soon as a key is configured. */
async function fileLines(config: Config, options: SecurityLineOptions): Promise<readonly string[]> {
  if (config.get('plugin.security.file.key') === '') return [];
  return [
    await fileLine('Certificate', config.get('plugin.security.file.certificate'), options),
    await fileLine('Key', config.get('plugin.security.file.key'), options),
    await fileLine('CA', config.get('plugin.security.file.ca'), options),
  ];
}

async function fileLine(name: string, path: string, options: SecurityLineOptions): Promise<string> {
  const {platform, paint} = options;
  const found = await platform.files.stat(path).then(
    () => true,
    () => false,
  );
  return `${label(name, path)} (${found ? paint.green('found') : paint.red('absent')})`;
}

function signerLines(config: Config): readonly string[] {
  const url = config.get('plugin.choria.security.request_signer.url');
  const tokenFile = config.get('plugin.choria.security.request_signer.token_file');
  const service = config.get('plugin.choria.security.request_signer.service');
  const signer = service ? 'Choria AAA Service' : displayValue('plugin.choria.security.request_signer.url', url);
  return [
    ...(signer === '' ? [] : [label('Request Signer', signer)]),
    ...(tokenFile === '' ? [] : [label('Token File', inertLine(tokenFile))]),
  ];
}
