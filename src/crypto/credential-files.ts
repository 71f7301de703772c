/** Files with keys, certificates and tokens. */
import {createPrivateKey, X509Certificate} from 'node:crypto';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';

/** A file's text; undefined when there is none. @throws {CryptoError} `ERR_CREDENTIALS_UNREADABLE` */
export async function readOptional(files: Files, path: string): Promise<string | undefined> {
  if (path === '') return undefined;
  try {
    return (await files.read(path, {limitBytes: cryptoLimits.credentialFileBytesMax})).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CryptoError('ERR_CREDENTIALS_UNREADABLE', `Cannot read "${path}": ${errorMessage(error)}`, {
      cause: error,
      details: {path},
    });
  }
}

/** Why a certificate and a key cannot be used together; undefined when they can, or one is not there. */
export function keyPairProblem(certificatePem: string | undefined, keyPem: string | undefined): string | undefined {
  if (certificatePem === undefined || keyPem === undefined) return undefined;
  try {
    const belongs = new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
    return belongs ? undefined : 'the private key does not belong to the certificate';
  } catch {
    // What the library says may quote from the key.
    return 'the certificate or its private key cannot be read, expected PEM text';
  }
}
