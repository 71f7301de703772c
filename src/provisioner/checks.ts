/** What a node may ask for, and what a helper may give: nothing that makes one node another, or a caller. */
import {createPublicKey, X509Certificate} from 'node:crypto';
import {parseCertificateRequest, type RequestedCertificate} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {compileRegex, type Regex} from '../lib/regex.ts';
import {ProvisionerError} from './errors.ts';
import {provisionerLimits} from './limits.ts';

function refused(text: string): ProvisionerError {
  return new ProvisionerError('ERR_PROVISIONER_REFUSED', text);
}

/** @throws {ProvisionerError} `ERR_PROVISIONER_SETTING` for a pattern that is none */
export function compileDenyList(patterns: readonly string[]): readonly Regex[] {
  return patterns.map((pattern) => {
    try {
      return compileRegex(pattern);
    } catch (cause) {
      throw new ProvisionerError(
        'ERR_PROVISIONER_SETTING',
        `Cannot use the configuration: ${JSON.stringify(pattern)} in "cert_deny_list" is no pattern: ${errorMessage(cause)}`,
        {cause},
      );
    }
  });
}

/** @throws {ProvisionerError} `ERR_PROVISIONER_REFUSED` */
export function checkSigningRequest(
  pem: string,
  options: {readonly identity: string; readonly denied: readonly Regex[]},
): RequestedCertificate {
  const {identity, denied} = options;
  let request: RequestedCertificate;
  try {
    request = parseCertificateRequest(pem);
  } catch (error) {
    throw refused(errorMessage(error));
  }
  if (request.commonNames.length !== 1 || request.commonName !== identity) {
    throw refused(
      `the signing request is for ${JSON.stringify(request.commonNames)}, expected ${JSON.stringify(identity)} alone`,
    );
  }
  for (const name of [request.commonName, ...request.dnsNames]) {
    if (denied.some((pattern) => pattern.test(name)))
      throw refused(`the name ${JSON.stringify(name)} is on the deny list`);
  }
  const {asymmetricKeyType, asymmetricKeyDetails} = request.publicKey;
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (asymmetricKeyType === 'rsa' && bits < provisionerLimits.rsaBitsMin) {
    throw refused(
      `the signing request has an RSA key of ${bits} bits, expected at least ${provisionerLimits.rsaBitsMin}`,
    );
  }
  return request;
}

/**
 * A certificate that the helper gives for a request must be for the key of that request: one of another node would let this one
 * speak for it. Texts that are no certificate are left to the node.
 *
 * @throws {ProvisionerError} `ERR_PROVISIONER_HELPER`
 */
export function checkIssuedCertificate(certificatePem: string, request: RequestedCertificate): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch {
    throw new ProvisionerError('ERR_PROVISIONER_HELPER', 'the helper gave a certificate that cannot be read');
  }
  if (certificate.publicKey.equals(createPublicKey(request.publicKey.export({format: 'pem', type: 'spki'})))) return;
  throw new ProvisionerError(
    'ERR_PROVISIONER_HELPER',
    'the helper gave a certificate that is for another key than the one of the node',
  );
}
