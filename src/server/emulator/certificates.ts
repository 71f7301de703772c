/**
 * Who emulated nodes are to the broker: all of them one certificate, or each its own, issued here from a given authority.
 *
 * All share what verifies callers, so that identical requests are proven once for the whole process.
 */
import {generateKey, issueCertificate, type SecurityProvider} from '../../crypto/index.ts';
import type {Platform} from '../../lib/platform.ts';

export type NodeProviders = (identity: string) => Promise<SecurityProvider>;

/** Every node uses the certificate of the configuration; the broker must let it act for them. */
export function sharedCertificate(provider: SecurityProvider): NodeProviders {
  return (identity) => Promise.resolve({...provider, certname: identity, callerId: `choria=${identity}`});
}

/**
 * Each node has a certificate of its own name; the key is one for all, as making thousands would take minutes.
 */
export async function issuedCertificates(options: {
  readonly provider: SecurityProvider;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly authority: {readonly certificatePem: string; readonly keyPem: string};
}): Promise<NodeProviders> {
  const {provider, platform, authority} = options;
  const {privateKeyPem} = await generateKey('rsa');
  return async (identity) => {
    const {certificatePem} = await issueCertificate({
      authority,
      commonName: identity,
      dnsNames: [identity],
      nowMs: platform.clock.nowMs(),
      random: platform.random,
      keyPem: privateKeyPem,
    });
    return {
      ...provider,
      certname: identity,
      callerId: `choria=${identity}`,
      credential: certificatePem,
      tls: {...provider.tls, certificatePem, keyPem: privateKeyPem},
    };
  };
}
