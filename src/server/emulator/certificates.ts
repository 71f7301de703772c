/**
 * Who emulated nodes are to the broker: all of them one certificate, or each its own, issued here from a given authority.
 *
 * All share what verifies callers, so that identical requests are proven once for the whole process.
 */
import {createPrivateKey, sign as signWith} from 'node:crypto';
import {createCertificateIssuer, generateKey, type SecurityProvider} from '../../crypto/index.ts';
import type {Platform} from '../../lib/platform.ts';

export type NodeProviders = (identity: string) => Promise<SecurityProvider>;

/** Every node uses the certificate of the configuration; the broker must let it act for them. */
export function sharedCertificate(provider: SecurityProvider): NodeProviders {
  return (identity) => Promise.resolve({...provider, certname: identity, callerId: `choria=${identity}`});
}

/**
 * Each node has a certificate of its own name; the key is one for all, as making thousands would take minutes. It is an elliptic one, small and quick to sign
 * with, unless nodes are to sign messages of protocol version 1, which wants RSA.
 */
export async function issuedCertificates(options: {
  readonly provider: SecurityProvider;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly authority: {readonly certificatePem: string; readonly keyPem: string};
  /** Whether nodes publish registration data, which they sign. */
  readonly isSigning: boolean;
}): Promise<NodeProviders> {
  const {platform, authority} = options;
  // What was issued here lies in no file that could be read again.
  const provider = {...options.provider, refresh: () => Promise.resolve(false)};
  const {privateKeyPem} = await generateKey(options.isSigning ? 'rsa' : 'ec');
  const key = createPrivateKey(privateKeyPem);
  const sign = (message: Uint8Array): Promise<Buffer> => Promise.resolve(signWith('sha256', message, key));
  const issuer = createCertificateIssuer({authority, keyPem: privateKeyPem});
  const {clock, random} = platform;
  return (identity) => {
    const certificatePem = issuer.issue({commonName: identity, nowMs: clock.nowMs(), random});
    return Promise.resolve({
      ...provider,
      certname: identity,
      callerId: `choria=${identity}`,
      credential: certificatePem,
      ...(options.isSigning ? {sign} : {}),
      tls: {...provider.tls, certificatePem, keyPem: privateKeyPem, isKeyShared: true},
    });
  };
}
