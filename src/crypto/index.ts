/** Keys, certificates, tokens and the security providers. */
export {type BoundedCache, createBoundedCache} from './bounded-cache.ts';
export {
  callerName,
  createNameMatcher,
  defaultAllowedCallers,
  defaultPrivilegedCallers,
  type NameMatcher,
} from './caller-names.ts';
export {type Certificate, parseCertificate} from './certificate.ts';
export {
  type CertificateVerifier,
  createCertificateVerifier,
  readCertificates,
  type TrustedCertificate,
} from './chain.ts';
export {CryptoError, type CryptoErrorCode, cryptoErrorCodes} from './errors.ts';
export {cryptoLimits} from './limits.ts';
export type {ProvenCaller, ReplyProof, RequestProof, SecurityProvider, SecurityTechnology} from './types.ts';
export {createDeviceProvider, type DeviceProviderOptions, type SigningDevice} from './device-provider.ts';
export {
  createCertManagerProvider,
  createFileProvider,
  createMemoryProvider,
  createProofCache,
  createPuppetProvider,
  type FileProviderOptions,
  type ProofCache,
  puppetPaths,
  type PuppetProviderOptions,
  type X509CoreOptions,
  type X509Settings,
} from './x509-provider.ts';
export {
  type CertificateRequest,
  type CertificateRequestOptions,
  type CertificateUsage,
  createCertificateRequest,
  generateKey,
  type IssueAuthorityOptions,
  issueCertificate,
  issueCertificateAuthority,
  type IssueCertificateOptions,
  type IssuedCertificate,
  type KeyKind,
  type KeyPair,
  type SubjectParts,
  type CertificateIssuer,
  createCertificateIssuer,
} from './x509-issue.ts';
export {issuedId, readRevocationLists, revocationsOfLists} from './revocation-list.ts';
export {issueRevocationList, type IssueRevocationListOptions} from './revocation-list-issue.ts';
export {encodeKsuid, ksuidSeconds} from './ksuid.ts';
export {
  type ChoriaCoreOptions,
  type ChoriaProviderOptions,
  type ChoriaTrust,
  createChoriaProvider,
  createMemoryChoriaProvider,
} from './choria-provider.ts';
export {
  ed25519PrivateKey,
  ed25519PublicFromSeed,
  ed25519PublicKey,
  isHexKey,
  parseSeed,
  signEd25519,
  verifyEd25519,
} from './ed25519.ts';
export {type DecodedToken, decodeToken, isTokenSignedBy, signToken, tokenAlgorithm} from './jwt.ts';
export {
  createNkeySigner,
  decodeNkeyPublic,
  decodeNkeySeed,
  encodeNkeyPublic,
  encodeNkeySeed,
  type Nkey,
  type NkeyKind,
  type NkeySigner,
  nkeyPublicFromSeed,
  signNkey,
  verifyNkeySignature,
} from './nkeys.ts';
export {readToken, type Token, type TokenPurpose, verifyToken} from './tokens.ts';
export {type ChainLink, verifyChain, verifyTrustChain} from './token-chain.ts';
export {issueToken, type IssueTokenOptions, seedSigner, type TokenSigner} from './token-issue.ts';
export {createX25519Pair, decryptPem, encryptPem, type X25519Pair, x25519Secret} from './key-transport.ts';
export {delegateProvider, type ProviderChange} from './delegate.ts';
export {createUnsignedProvider} from './unsigned-provider.ts';
export {formatPem, parsePem} from './pem.ts';
export {parseCertificateRequest, type RequestedCertificate} from './certificate-request.ts';
export {type CredentialFacts, normalHex, parseRevocations, provenCredential, type Revocations} from './revocations.ts';
