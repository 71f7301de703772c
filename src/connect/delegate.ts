/** A provider that differs from another in a few points. What the other reads again is read through it. */
import type {BrokerToken, RemoteSigner, SecurityProvider} from '../crypto/types.ts';

export interface ProviderChange {
  readonly remoteSigner?: RemoteSigner;
  readonly brokerToken?: BrokerToken;
  readonly callerId?: () => string;
  /** What the change itself has read from files; true when it is another now. */
  readonly refresh: () => Promise<boolean>;
  readonly validate?: () => Promise<readonly string[]>;
}

export function delegateProvider(inner: SecurityProvider, change: ProviderChange): SecurityProvider {
  const {remoteSigner, brokerToken} = change;
  return {
    name: inner.name,
    technology: inner.technology,
    ...(remoteSigner === undefined ? {} : {remoteSigner}),
    ...(brokerToken === undefined ? {} : {brokerToken}),
    get certname() {
      return inner.certname;
    },
    get callerId() {
      return change.callerId?.() ?? inner.callerId;
    },
    get credential() {
      return inner.credential;
    },
    get tls() {
      return inner.tls;
    },
    get expiresAtMs() {
      return inner.expiresAtMs;
    },
    get trustId() {
      return inner.trustId;
    },
    sign: (message) => inner.sign(message),
    verifyRequest: (proof) => inner.verifyRequest(proof),
    ...(inner.verifyReply === undefined ? {} : {verifyReply: (proof) => inner.verifyReply?.(proof) ?? false}),
    validate: () => change.validate?.() ?? inner.validate(),
    refresh: async () => {
      const changes = [await change.refresh(), (await inner.refresh?.()) ?? false];
      return changes.includes(true);
    },
  };
}
