/** Keys that a node makes for itself, so that they never travel. */
import {createPrivateKey, createPublicKey} from 'node:crypto';
import {dirname, join} from 'node:path';
import {
  createCertificateRequest,
  ed25519PublicFromSeed,
  formatPem,
  generateKey,
  signEd25519,
  type SubjectParts,
} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {provisionLimits} from './limits.ts';

/** Makes an ed25519 seed beside the configuration and proves the key by signing what the caller sent. */
export async function makeServerSeed(
  nonce: string,
  options: {readonly platform: Platform; readonly configPath: string},
): Promise<{readonly public_key: string; readonly directory: string; readonly signature: string}> {
  const {files, random} = options.platform;
  const directory = dirname(options.configPath);
  await files.remove(join(directory, 'server.jwt')).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
  const seed = random.bytes(32);
  await files.writeAtomic(join(directory, 'server.seed'), seed.toString('hex'), {mode: 0o600});
  return {
    public_key: ed25519PublicFromSeed(seed).toString('hex'),
    directory,
    signature: signEd25519(seed, Buffer.from(nonce, 'utf8')).toString('hex'),
  };
}

/** Makes an RSA key and a request for a certificate in `sslDirectory`. */
export async function makeSigningRequest(
  subject: SubjectParts & {readonly commonName: string},
  options: {readonly platform: Platform; readonly sslDirectory: string},
): Promise<{readonly csr: string; readonly public_key: string; readonly ssldir: string}> {
  const {sslDirectory} = options;
  const {files} = options.platform;
  await files.makeDirectory(sslDirectory, {mode: 0o771, recursive: true});
  const {privateKeyPem} = await generateKey('rsa', {rsaBits: provisionLimits.rsaBits});
  const key = createPrivateKey(privateKeyPem);
  const csr = createCertificateRequest({keyPem: privateKeyPem, ...subject}).pem;
  await files.writeAtomic(join(sslDirectory, 'private.pem'), key.export({type: 'pkcs1', format: 'pem'}), {mode: 0o600});
  await files.writeAtomic(join(sslDirectory, 'csr.pem'), csr, {mode: 0o644});
  const publicKey = createPublicKey(key).export({type: 'pkcs1', format: 'der'});
  // The label of another kind of key, as every reader of this answer expects it.
  return {csr, public_key: formatPem('PUBLIC KEY', publicKey), ssldir: sslDirectory};
}
