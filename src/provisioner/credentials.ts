/** Keys that the provisioner's configuration names. */
import {createPublicKey, type KeyObject, X509Certificate} from 'node:crypto';
import {ed25519PrivateKey, ed25519PublicKey, isHexKey, parseSeed} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {ProvisionerError} from './errors.ts';
import {provisionerLimits} from './limits.ts';
import type {TokenSigner} from './server-token.ts';
import type {ProvisionerSettings} from './settings.ts';

/** What verifies provisioning tokens: a certificate or public key in PEM, or an ed25519 key in hexadecimal, here or in a file. */
export async function readTokenKey(settings: ProvisionerSettings, files: Files): Promise<KeyObject | undefined> {
  const {jwtVerifyCert: given} = settings;
  if (!settings.features.jwt || given === '') return undefined;
  if (isHexKey(given)) return ed25519PublicKey(Buffer.from(given, 'hex'));
  const text = (await readText(given, {files, setting: 'jwt_verify_cert'})).trim();
  try {
    if (isHexKey(text)) return ed25519PublicKey(Buffer.from(text, 'hex'));
    return text.includes('BEGIN CERTIFICATE') ? new X509Certificate(text).publicKey : createPublicKey(text);
  } catch {
    throw setting(`Cannot use "jwt_verify_cert": ${given} holds neither a certificate nor a public key`);
  }
}

export async function readSigner(settings: ProvisionerSettings, files: Files): Promise<TokenSigner | undefined> {
  const {jwtSigningKey, jwtSigningToken} = settings;
  if (!settings.features.ed25519) return undefined;
  const text = (await readText(jwtSigningKey, {files, setting: 'jwt_signing_key'})).trim();
  let seed: Buffer;
  try {
    seed = parseSeed(text);
  } catch (error) {
    throw setting(`Cannot use "jwt_signing_key": ${errorMessage(error)}`);
  }
  const issuerToken =
    jwtSigningToken === ''
      ? undefined
      : (await readText(jwtSigningToken, {files, setting: 'jwt_signing_token'})).trim();
  return {seed, key: ed25519PrivateKey(seed), issuerToken};
}

async function readText(path: string, options: {readonly files: Files; readonly setting: string}): Promise<string> {
  try {
    return (await options.files.read(path, {limitBytes: provisionerLimits.credentialBytesMax})).toString('utf8');
  } catch (error) {
    throw setting(`Cannot use "${options.setting}": ${errorMessage(error)}`);
  }
}

function setting(text: string): ProvisionerError {
  return new ProvisionerError('ERR_PROVISIONER_SETTING', text);
}
