/** Reads PKCS#10 requests: who asks for which names with which key, and whether the key asked itself. */
import {createPublicKey, type KeyObject, verify as verifyWith} from 'node:crypto';
import {type DerElement, readDer, readDerChildren, readOid} from './der.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';
import {parsePem} from './pem.ts';

export interface RequestedCertificate {
  /** The last common name of the subject; empty when there is none. */
  readonly commonName: string;
  /** Every common name. */
  readonly commonNames: readonly string[];
  readonly dnsNames: readonly string[];
  /** Alternative names that are no DNS names: kinds 0 to 8. */
  readonly otherNameKinds: readonly number[];
  readonly publicKey: KeyObject;
}

const oid = {commonName: '2.5.4.3', extensionRequest: '1.2.840.113549.1.9.14', alternativeNames: '2.5.29.17'} as const;

const hashes: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

function invalid(reason: string): CryptoError {
  return new CryptoError('ERR_CERTIFICATE_INVALID', `Cannot read the certificate request: ${reason}`);
}

/** @throws {CryptoError} `ERR_CERTIFICATE_INVALID`, also when the signature is not by the key that asks */
export function parseCertificateRequest(pem: string): RequestedCertificate {
  if (pem.length > cryptoLimits.credentialBytesMax) throw invalid('it is too large');
  const [block, ...more] = parsePem(pem, {blocksMax: 2});
  if (block === undefined || more.length > 0) throw invalid('expected one PEM block');
  if (!['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'].includes(block.label)) {
    throw invalid(`it is a ${JSON.stringify(block.label)}`);
  }
  const [info, algorithm, signature] = readDerChildren(readDer(block.der).content, 3);
  if (info === undefined || algorithm === undefined || signature === undefined) throw invalid('it is cut short');
  const [, subject, keyInfo, attributes] = readDerChildren(info.content, 4);
  if (subject === undefined || keyInfo === undefined) throw invalid('it is cut short');
  const publicKey = readKey(keyInfo);
  checkSignature(info, {algorithm, signature, publicKey});
  const commonNames = readCommonNames(subject);
  const names = attributes === undefined ? {dnsNames: [], otherNameKinds: []} : readAlternativeNames(attributes);
  return {commonName: commonNames.at(-1) ?? '', commonNames, ...names, publicKey};
}

function readKey(element: DerElement): KeyObject {
  try {
    return createPublicKey({key: element.whole, format: 'der', type: 'spki'});
  } catch {
    throw invalid('its key is of an unknown kind');
  }
}

function checkSignature(
  info: DerElement,
  parts: {readonly algorithm: DerElement; readonly signature: DerElement; readonly publicKey: KeyObject},
): void {
  const {algorithm, signature, publicKey} = parts;
  const name = readDerChildren(algorithm.content, 2)[0];
  const hash = name === undefined ? undefined : hashes[readOid(name.content)];
  if (hash === undefined) throw invalid('its signature is of an unknown kind');
  // The first byte of a bit string counts unused bits: none here.
  if (!verifyWith(hash, info.whole, publicKey, signature.content.subarray(1))) {
    throw invalid('its signature is not by the key that it is for');
  }
}

function readCommonNames(subject: DerElement): readonly string[] {
  const names: string[] = [];
  for (const set of readDerChildren(subject.content, cryptoLimits.certificateNamesMax)) {
    for (const pair of readDerChildren(set.content, cryptoLimits.certificateNamesMax)) {
      const [type, value] = readDerChildren(pair.content, 2);
      if (type !== undefined && value !== undefined && readOid(type.content) === oid.commonName) {
        names.push(value.content.toString('utf8'));
      }
    }
  }
  return names;
}

function readAlternativeNames(attributes: DerElement): Pick<RequestedCertificate, 'dnsNames' | 'otherNameKinds'> {
  const dnsNames: string[] = [];
  const otherNameKinds: number[] = [];
  for (const attribute of readDerChildren(attributes.content, cryptoLimits.certificateNamesMax)) {
    const [type, values] = readDerChildren(attribute.content, 2);
    if (type === undefined || values === undefined || readOid(type.content) !== oid.extensionRequest) continue;
    for (const extensions of readDerChildren(values.content, 2)) {
      for (const extension of readDerChildren(extensions.content, cryptoLimits.certificateNamesMax)) {
        const parts = readDerChildren(extension.content, 3);
        const [name] = parts;
        const value = parts.at(-1);
        if (name === undefined || value === undefined || readOid(name.content) !== oid.alternativeNames) continue;
        for (const item of readDerChildren(readDer(value.content).content, cryptoLimits.certificateNamesMax)) {
          if (item.tag === 0x82) dnsNames.push(item.content.toString('latin1'));
          else otherNameKinds.push(item.tag & 0x1f);
        }
      }
    }
  }
  return {dnsNames, otherNameKinds};
}
