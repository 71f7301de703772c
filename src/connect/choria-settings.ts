/** Settings of tokens: who may have signed them, and where this process has its own (spec security 1 and 4.2). */
import type {Config} from '../config/types.ts';
import {type ChoriaTrust, isHexKey} from '../crypto/index.ts';
import {ConnectError} from './errors.ts';
import {isOn, listOf, textOf} from './settings.ts';

/** Keys by organisation name, in hex. @throws {ConnectError} `ERR_CONNECT_SETTING` */
export function issuerKeys(config: Config): Readonly<Record<string, string>> {
  const entries = listOf(config.get('plugin.security.issuer.names')).map((name): [string, string] => {
    const setting = `plugin.security.issuer.${name}.public`;
    const key = textOf(config.raw(setting));
    if (key === '') throw refused(`could not find option ${setting} while adding issuer ${name}`, setting);
    return [name, requireKey(key, setting)];
  });
  // Built from entries, so that an issuer called "__proto__" is a key like any other.
  return Object.fromEntries(entries);
}

/** Whose tokens the `choria` provider believes. @throws {ConnectError} `ERR_CONNECT_SETTING` */
export function choriaTrust(config: Config): ChoriaTrust {
  const excluded = [
    'plugin.choria.security.server.token_file',
    'plugin.choria.security.server.seed_file',
    'plugin.security.server_anon_tls',
    'plugin.security.client_anon_tls',
    'plugin.choria.security.request_signer.seed_file',
    'plugin.choria.security.request_signer.token_file',
  ] as const;
  for (const setting of excluded) {
    const value = config.get(setting);
    if (!isOn(value) && textOf(value) === '') continue;
    throw refused(`${setting} can not be set when the choria security provider is used`, setting);
  }
  const setting = 'plugin.security.choria.trusted_signers';
  const trustedSigners = listOf(config.get(setting)).map((key) => requireKey(key, setting));
  return {issuers: issuerKeys(config), trustedSigners};
}

/** Where this process has its token and its seed; empty texts where nothing is configured. */
export function credentialPaths(config: Config): {readonly tokenPath: string; readonly seedPath: string} {
  const isAnonymousServer = isOn(config.get('plugin.security.server_anon_tls'));
  const tokenPath =
    textOf(config.get('plugin.security.choria.token_file')) ||
    textOf(config.get('plugin.choria.security.request_signer.token_file')) ||
    (isAnonymousServer ? textOf(config.get('plugin.choria.security.server.token_file')) : '');
  const seedPath =
    textOf(config.get('plugin.security.choria.seed_file')) ||
    (isAnonymousServer ? textOf(config.get('plugin.choria.security.server.seed_file')) : '') ||
    textOf(config.get('plugin.choria.security.request_signer.seed_file')) ||
    seedBeside(tokenPath);
  return {tokenPath, seedPath};
}

/** `client.jwt` has its seed in `client.key`. */
export function seedBeside(tokenPath: string): string {
  return tokenPath === '' ? '' : tokenPath.replace(/(?:\.[^./\\]*)?$/, '.key');
}

function requireKey(text: string, setting: string): string {
  if (isHexKey(text)) return text;
  throw refused(`Cannot use ${setting}: expected an ed25519 public key, 64 hex characters`, setting);
}

function refused(message: string, setting: string): ConnectError {
  return new ConnectError('ERR_CONNECT_SETTING', message, {details: {setting}});
}
