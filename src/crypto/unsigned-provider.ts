/**
 * The provider of nodes that wait to be configured, and of the provisioner that talks to them: they have nothing to sign with yet.
 *
 * Who may do what is decided there by the provisioning token and by the broker, which keeps such nodes in an account of their own.
 * Never used by a configured server.
 */
import type {SecurityProvider, SecurityTechnology} from './types.ts';

export function createUnsignedProvider(options: {
  readonly certname: string;
  readonly callerId?: string;
  /** x509 speaks protocol v1, tokens v2. */
  readonly technology?: SecurityTechnology;
  /** v2: the token that this process has. */
  readonly credential?: string;
}): SecurityProvider {
  const {certname} = options;
  return {
    name: 'unsigned',
    technology: options.technology ?? 'x509',
    certname,
    callerId: options.callerId ?? `choria=${certname}`,
    credential: options.credential ?? 'insecure',
    tls: {},
    isUnsigned: true,
    sign: async () => Buffer.from('insecure'),
    verifyRequest: (proof) => ({
      callerId: proof.claimedCaller,
      signedBy: 'unsigned',
      validUntilMs: Number.MAX_SAFE_INTEGER,
    }),
    verifyReply: () => true,
    validate: async () => [],
  };
}
