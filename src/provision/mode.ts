/**
 * Whether a server that starts is configured or waits to be, and with which configuration it starts then (server.md 14.2).
 */
import {dirname, join, resolve} from 'node:path';
import {type Config, configFromEntries, loadConfig} from '../config/index.ts';
import {ed25519PublicFromSeed, parseSeed, readToken} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files, Platform} from '../lib/platform.ts';
import {ProvisionError} from './errors.ts';
import {provisionLimits} from './limits.ts';
import {provisioningSettings} from './settings.ts';
import {type ProvisioningTarget, readProvisioningTarget} from './token.ts';

export interface ServerStart {
  readonly config: Config;
  /** Absolute path of the configuration file, whether it is there or not. */
  readonly configPath: string;
  /** What the provisioning token says; undefined where provisioning is not set up. */
  readonly target: ProvisioningTarget | undefined;
  readonly isProvisioning: boolean;
  /** What was decided and why, for the log. */
  readonly notes: readonly string[];
}

/** Settings of the file that say which node this is and where it writes: they outlive being provisioned anew. */
const keptKeys = [
  'identity',
  'logfile',
  'loglevel',
  'plugin.choria.server.state_directory',
  'plugin.choria.status_file_path',
] as const;

/**
 * Loads the configuration, or what stands in for it until there is one.
 *
 * @throws {ProvisionError} `ERR_PROVISION_CONFIG_MISSING`
 * @throws {ConfigError} when there is a file and it cannot be used
 */
export async function prepareServerStart(options: {
  readonly platform: Platform;
  readonly path: string;
  /** Of the provisioning token; undefined turns provisioning off. */
  readonly tokenPath: string | undefined;
}): Promise<ServerStart> {
  const {platform} = options;
  const configPath = resolve(platform.host.workingDirectory, options.path);
  const notes: string[] = [];
  const config = await loadIfThere(configPath, platform);
  const target = await findTarget(options, notes);
  if (target === undefined) {
    if (config !== undefined) return {config, configPath, target, isProvisioning: false, notes};
    throw new ProvisionError(
      'ERR_PROVISION_CONFIG_MISSING',
      `configuration file ${options.path} was not found and provisioning is disabled`,
      {details: {path: configPath}},
    );
  }
  const parts = {platform, target, configPath, notes};
  if (config === undefined) {
    notes.push(`There is no configuration file ${configPath}: starting in provisioning mode`);
    return startFresh(undefined, parts);
  }
  const credentials = await readCredentials(config, {files: platform.files, configPath, nowMs: platform.clock.nowMs()});
  const reason = unprovisionedReason(config, target, credentials);
  if (reason !== undefined) {
    notes.push(`Starting in provisioning mode: ${reason}`);
    await removeCredentials(credentials, platform.files);
    return startFresh(config, parts);
  }
  if (!isAskedFor(config, credentials, notes)) return {config, configPath, target, isProvisioning: false, notes};
  return {
    config: config.with(provisioningSettings(target, configPath)),
    configPath,
    target,
    isProvisioning: true,
    notes,
  };
}

async function loadIfThere(path: string, platform: Platform): Promise<Config | undefined> {
  try {
    await platform.files.stat(path);
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  }
  return loadConfig({platform, mode: 'server', path});
}

/** A token that cannot be used must not stop a server that is configured. */
async function findTarget(
  options: {readonly platform: Platform; readonly tokenPath: string | undefined},
  notes: string[],
): Promise<ProvisioningTarget | undefined> {
  const {platform, tokenPath} = options;
  if (tokenPath === undefined) return undefined;
  try {
    return await readProvisioningTarget(platform.files, tokenPath);
  } catch (error) {
    notes.push(`Provisioning is off: ${errorMessage(error)}`);
    return undefined;
  }
}

async function startFresh(
  config: Config | undefined,
  parts: {
    readonly platform: Platform;
    readonly target: ProvisioningTarget;
    readonly configPath: string;
    readonly notes: readonly string[];
  },
): Promise<ServerStart> {
  const {platform, target, configPath, notes} = parts;
  const kept = keptKeys.flatMap((key): [string, string][] => {
    const text = config?.raw(key);
    return text === undefined ? [] : [[key, text]];
  });
  const fresh = await configFromEntries(
    {logfile: 'stdout', loglevel: 'info', ...Object.fromEntries(kept)},
    {platform, mode: 'server', path: configPath},
  );
  return {
    config: fresh.with(provisioningSettings(target, configPath)),
    configPath,
    target,
    isProvisioning: true,
    notes,
  };
}

interface Credentials {
  readonly seedPath: string;
  readonly tokenPath: string;
  /** Why the two prove nothing; undefined when they do. */
  readonly problem: string | undefined;
  /** Identity in the token. */
  readonly tokenIdentity: string | undefined;
}

async function readCredentials(
  config: Config,
  options: {readonly files: Files; readonly configPath: string; readonly nowMs: number},
): Promise<Credentials> {
  const {files, configPath, nowMs} = options;
  const directory = dirname(configPath);
  const seedPath = config.get('plugin.choria.security.server.seed_file') || join(directory, 'server.seed');
  const tokenPath = config.get('plugin.choria.security.server.token_file') || join(directory, 'server.jwt');
  const paths = {seedPath, tokenPath};
  const [seed, token] = await Promise.all([readText(files, seedPath), readText(files, tokenPath)]);
  if (token === undefined) return {...paths, problem: `there is no token ${tokenPath}`, tokenIdentity: undefined};
  try {
    const read = readToken(token.trim());
    const identity = {tokenIdentity: read.name === '' ? undefined : read.name};
    if (seed === undefined) return {...paths, ...identity, problem: `there is no seed ${seedPath}`};
    const own = ed25519PublicFromSeed(parseSeed(seed.trim()));
    if (read.publicKey === undefined || !own.equals(read.publicKey)) {
      return {...paths, ...identity, problem: `the token ${tokenPath} is for another key than ${seedPath}`};
    }
    const isExpired = read.expiresAtMs !== undefined && nowMs >= read.expiresAtMs;
    return {...paths, ...identity, problem: isExpired ? `the token ${tokenPath} is expired` : undefined};
  } catch (error) {
    return {
      ...paths,
      problem: `the token ${tokenPath} cannot be used: ${errorMessage(error)}`,
      tokenIdentity: undefined,
    };
  }
}

async function readText(files: Files, path: string): Promise<string | undefined> {
  try {
    return (await files.read(path, {limitBytes: provisionLimits.credentialBytesMax})).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function usesTokens(config: Config): boolean {
  if (config.get('plugin.security.provider') === 'choria') return true;
  return (
    config.get('plugin.security.server_anon_tls') &&
    config.get('plugin.choria.security.server.token_file') !== '' &&
    config.get('plugin.choria.security.server.seed_file') !== ''
  );
}

function unprovisionedReason(config: Config, target: ProvisioningTarget, credentials: Credentials): string | undefined {
  if (usesTokens(config) && credentials.problem !== undefined) return credentials.problem;
  if (config.has('plugin.choria.server.provision') && !config.get('plugin.choria.server.provision')) return undefined;
  return target.isDefault ? 'the provisioning token asks for it and the configuration does not turn it off' : undefined;
}

/** For a configuration that stays as it is: whether its owner, or a copied machine, asks to be provisioned all the same. */
function isAskedFor(config: Config, credentials: Credentials, notes: string[]): boolean {
  if (config.has('plugin.choria.server.provision')) return config.get('plugin.choria.server.provision');
  const identity = config.get('identity');
  const {tokenIdentity} = credentials;
  if (!usesTokens(config) || tokenIdentity === undefined || tokenIdentity === identity) return false;
  notes.push(`Caller ${tokenIdentity} from server token does not match identity ${identity}, enabling provisioning`);
  return true;
}

async function removeCredentials(credentials: Credentials, files: Files): Promise<void> {
  for (const path of [credentials.tokenPath, credentials.seedPath]) {
    try {
      await files.remove(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
