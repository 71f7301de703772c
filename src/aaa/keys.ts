/** Reads the keys that the service signs and checks with. */
import {createPrivateKey, createPublicKey, type KeyObject} from 'node:crypto';
import {ed25519PublicKey, isHexKey, parseSeed, seedSigner, type TokenSigner} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {AaaError} from './errors.ts';
import {aaaLimits} from './limits.ts';

export async function readText(files: Files, path: string): Promise<string> {
  try {
    return (await files.read(path, {limitBytes: aaaLimits.configBytesMax})).toString('utf8');
  } catch (cause) {
    throw new AaaError('ERR_AAA_CONFIG', `Cannot read "${path}": ${errorMessage(cause)}`, {cause, details: {path}});
  }
}

/**
 * A private key or seed: refused when others than its owner may read it.
 *
 * @throws {AaaError} `ERR_AAA_CONFIG`
 */
export async function readSecret(files: Files, path: string): Promise<string> {
  const text = await readText(files, path);
  const {mode} = await files.stat(path);
  if ((mode & 0o077) !== 0) {
    throw new AaaError(
      'ERR_AAA_CONFIG',
      `Cannot use the key "${path}": its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}, others may read or change it, expected 0600`,
      {details: {path}},
    );
  }
  return text;
}

/** Who signs the tokens of logins. */
export async function readTokenSigner(
  files: Files,
  settings: {readonly signingKey: string; readonly signingToken?: string},
): Promise<TokenSigner> {
  const {signingKey: path, signingToken} = settings;
  const text = await readSecret(files, path);
  try {
    if (signingToken !== undefined) {
      return {kind: 'chain', token: (await readText(files, signingToken)).trim(), seed: parseSeed(text)};
    }
    return isHexKey(text) ? seedSigner(parseSeed(text)) : {kind: 'key', key: createPrivateKey(text)};
  } catch (cause) {
    if (cause instanceof AaaError) throw cause;
    // What the library says may quote from the key.
    throw new AaaError(
      'ERR_AAA_CONFIG',
      `Cannot use the key "${path}": expected 64 hex characters or an RSA key as PEM`,
      {
        details: {path},
      },
    );
  }
}

/** The key that signs callers' tokens: 64 hex characters, or a file that holds them, a certificate or a public key. */
export async function readTrustedKey(files: Files, certificate: string): Promise<KeyObject> {
  const text = isHexKey(certificate) ? certificate : await readText(files, certificate);
  const trimmed = text.trim();
  try {
    return isHexKey(trimmed) ? ed25519PublicKey(Buffer.from(trimmed, 'hex')) : createPublicKey(text);
  } catch (cause) {
    throw new AaaError(
      'ERR_AAA_CONFIG',
      `Cannot use the signing certificate "${certificate}": expected 64 hex characters, a certificate or a public key`,
      {cause},
    );
  }
}
