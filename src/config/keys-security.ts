/** Settings of security providers, tokens and TLS. */
import type {KeySpecs} from './key-spec.ts';

export const securityKeys = {
  'plugin.choria.security.certname_whitelist': {
    type: 'comma_split',
    default: '\\.mcollective$,\\.choria$',
    usedBy: ['server'],
    doc: 'Patterns of certificate names that may send requests to this server. The default patterns are anchored and their dots escaped.',
  },
  'plugin.choria.security.privileged_users': {
    type: 'comma_split',
    default: '\\.privileged.mcollective$,\\.privileged.choria$',
    url: 'https://choria.io/docs/configuration/aaa/',
    usedBy: ['server'],
    doc: 'Patterns of certificate names that may send requests in the name of other callers, as a central signer does.',
  },
  'plugin.choria.security.request_signer.seed_file': {
    type: 'path_string',
    url: 'https://github.com/choria-io/aaasvc',
    usedBy: ['client'],
    doc: 'ed25519 seed that belongs to the token for the remote signer.',
  },
  'plugin.choria.security.request_signer.service': {
    type: 'boolean',
    url: 'https://choria-io.github.io/aaasvc/',
    usedBy: ['client'],
    doc: 'Has requests signed by the signing service on the Choria network.',
  },
  'plugin.choria.security.request_signer.token_file': {
    type: 'path_string',
    url: 'https://github.com/choria-io/aaasvc',
    usedBy: ['client'],
    doc: 'Token that is shown to the remote signer.',
  },
  'plugin.choria.security.request_signer.url': {
    type: 'string',
    url: 'https://choria-io.github.io/aaasvc/',
    usedBy: ['client'],
    doc: 'URL of the HTTP service that signs requests.',
  },
  'plugin.choria.security.server.seed_file': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'ed25519 seed of this server.',
  },
  'plugin.choria.security.server.token_file': {
    type: 'path_string',
    usedBy: ['server'],
    doc: 'Token of this server.',
  },
  'plugin.security.certmanager.alt_names': {
    type: 'comma_split',
    usedBy: ['all'],
    doc: 'Further names asked for in the certificate request to cert-manager.',
  },
  'plugin.security.certmanager.api_version': {
    type: 'string',
    default: 'v1',
    usedBy: ['all'],
    doc: 'Version of the cert-manager API.',
  },
  'plugin.security.certmanager.issuer': {
    type: 'string',
    usedBy: ['all'],
    doc: 'Name of the cert-manager issuer.',
  },
  'plugin.security.certmanager.namespace': {
    type: 'string',
    default: 'choria',
    usedBy: ['all'],
    doc: 'Kubernetes namespace of the issuer.',
  },
  'plugin.security.certmanager.replace': {
    type: 'boolean',
    default: 'true',
    usedBy: ['all'],
    doc: 'Replaces a certificate request that is already there.',
  },
  'plugin.security.choria.ca': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Certificate authority for TLS connections to the broker.',
  },
  'plugin.security.choria.certificate': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Certificate for TLS connections to the broker.',
  },
  'plugin.security.choria.key': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Private key for TLS connections to the broker.',
  },
  'plugin.security.choria.seed_file': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'ed25519 seed that signs messages and belongs to the token.',
  },
  'plugin.security.choria.sign_replies': {
    type: 'boolean',
    default: 'true',
    usedBy: ['server'],
    doc: 'Signs replies, so that clients can tell who sent them.',
  },
  'plugin.security.choria.token_file': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Token of this client or server.',
  },
  'plugin.security.choria.trusted_signers': {
    type: 'comma_split',
    usedBy: ['all'],
    doc: 'Public ed25519 keys in hex whose tokens are accepted.',
  },
  'plugin.security.cipher_suites': {
    type: 'comma_split',
    usedBy: ['all'],
    doc: 'TLS cipher suites that may be used. Empty leaves the safe defaults.',
  },
  'plugin.security.client_anon_tls': {
    type: 'boolean',
    default: 'false',
    usedBy: ['client'],
    doc: 'Connects without a client certificate and without verifying the broker. Needs a remote signer.',
  },
  'plugin.security.ecc_curves': {
    type: 'comma_split',
    usedBy: ['all'],
    doc: 'Curves for TLS key exchange that may be used. Empty leaves the safe defaults.',
  },
  'plugin.security.file.ca': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Certificate authority of the file provider.',
  },
  'plugin.security.file.certificate': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Certificate of the file provider.',
  },
  'plugin.security.file.key': {
    type: 'path_string',
    usedBy: ['all'],
    doc: 'Private key of the file provider.',
  },
  'plugin.security.issuer.names': {
    type: 'comma_split',
    usedBy: ['all'],
    doc: 'Names of trusted organisation issuers; each needs its public key under plugin.security.issuer.NAME.public.',
  },
  'plugin.security.pkcs11.driver_file': {
    type: 'path_string',
    url: 'https://choria.io/blog/post/2019/09/09/pkcs11/',
    usedBy: ['client'],
    doc: 'Library that drives the PKCS#11 device.',
  },
  'plugin.security.pkcs11.slot': {
    type: 'integer',
    url: 'https://choria.io/blog/post/2019/09/09/pkcs11/',
    usedBy: ['client'],
    doc: 'Slot of the PKCS#11 device that holds the key.',
  },
  'plugin.security.provider': {
    type: 'string',
    default: 'puppet',
    allowed: ['puppet', 'file', 'pkcs11', 'certmanager', 'choria'],
    usedBy: ['all'],
    doc: 'What signs messages and identifies this process.',
  },
  'plugin.security.server_anon_tls': {
    type: 'boolean',
    default: 'false',
    usedBy: ['server'],
    doc: 'Servers connect with their token, without a certificate and without verifying the broker.',
  },
  'plugin.security.support_legacy_certificates': {
    type: 'boolean',
    default: 'false',
    usedBy: ['all'],
    doc: 'Accepts certificates that carry their name only in the common name.',
  },
} as const satisfies KeySpecs;
