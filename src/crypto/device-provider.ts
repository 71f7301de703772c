/**
 * The provider `pkcs11`: a certificate and a key that never leave a device, and an authority in a file. Protocol v1.
 *
 * The device signs requests. It cannot sign TLS handshakes, because the runtime's TLS takes keys as bytes only: connections have a certificate when there
 * is one in files.
 */
import {createHash, X509Certificate} from 'node:crypto';
import type {Files} from '../lib/platform.ts';
import {readCertificates} from './chain.ts';
import {keyPairProblem, readOptional} from './credential-files.ts';
import {CryptoError} from './errors.ts';
import {createReloadingProvider} from './reloading-provider.ts';
import type {SecurityProvider} from './types.ts';
import {createX509Core, type X509Settings} from './x509-provider.ts';

/** A key on a device and the certificate that belongs to it. */
export interface SigningDevice {
  /** DER. */
  readonly certificate: Buffer;
  /** The raw RSA PKCS#1 v1.5 operation over a DigestInfo. */
  sign(digestInfo: Uint8Array): Buffer;
}

export interface DeviceProviderOptions extends Omit<X509Settings, 'certname'> {
  readonly device: SigningDevice;
  readonly files: Files;
  readonly caPath: string;
  readonly crlPath?: string;
  /** Of TLS, when the broker wants one. */
  readonly certificatePath?: string;
  readonly keyPath?: string;
}

/** DigestInfo of SHA-256 (RFC 8017 9.2), without the digest. */
const sha256Info = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * @throws {CryptoError} `ERR_CERTIFICATE_INVALID` | `ERR_KEY_INVALID` when the device's certificate is none that callers can have
 */
export async function createDeviceProvider(options: DeviceProviderOptions): Promise<SecurityProvider> {
  const {device, caPath, crlPath = '', certificatePath = '', keyPath = ''} = options;
  const signerPem = readable(device.certificate).toString();
  const [certificate] = readCertificates(signerPem, 1);
  const certname = certificate?.commonName ?? '';
  if (certname === '') throw unusable('it has no common name, by which its caller is known');
  if (certificate?.publicKey().asymmetricKeyType !== 'rsa')
    throw unusable('its key is not RSA, which protocol version 1 requires');
  const sign = (message: Uint8Array): Promise<Buffer> => {
    const digest = createHash('sha256').update(message).digest();
    return Promise.resolve(device.sign(Buffer.concat([sha256Info, digest])));
  };
  const paths = [caPath, crlPath, certificatePath, keyPath];
  return createReloadingProvider({
    read: () => Promise.all(paths.map((path) => readOptional(options.files, path))),
    make: ([caPem, crlPem, certificatePem, keyPem]) => {
      const core = createX509Core({
        ...options,
        certname,
        signer: {certificatePem: signerPem, sign},
        ...(caPem === undefined ? {} : {caPem}),
        ...(crlPem === undefined ? {} : {crlPem}),
        ...(certificatePem === undefined ? {} : {certificatePem}),
        ...(keyPem === undefined ? {} : {keyPem}),
      });
      const problems = [
        ...(caPath === ''
          ? ['the CA path is not configured']
          : caPem === undefined
            ? [`CA ${caPath} does not exist`]
            : []),
        ...[certificatePath, keyPath].flatMap((path, index) =>
          path !== '' && [certificatePem, keyPem][index] === undefined ? [`${path} does not exist`] : [],
        ),
        ...core.invalidPatterns(),
      ];
      return {...core, name: 'pkcs11', validate: () => Promise.resolve(problems)};
    },
    problem: (contents) => {
      const missing = contents.findIndex((text, index) => text === undefined && paths[index] !== '');
      return missing === -1 ? keyPairProblem(contents[2], contents[3]) : `${paths[missing]} does not exist`;
    },
  });
}

function readable(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new CryptoError(
      'ERR_CERTIFICATE_INVALID',
      'Cannot use the certificate on the device: expected X.509 in DER',
      {cause},
    );
  }
}

function unusable(reason: string): CryptoError {
  return new CryptoError('ERR_KEY_INVALID', `Cannot use the certificate on the device: ${reason}`);
}
