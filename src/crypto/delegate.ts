/** A provider that stands for another, or for whatever another is at the moment, and differs from it in a few points. */
import type {BrokerToken, ProvenCaller, RemoteSigner, RequestProof, SecurityProvider} from './types.ts';

export interface ProviderChange {
  readonly remoteSigner?: RemoteSigner;
  readonly brokerToken?: BrokerToken;
  readonly callerId?: () => string;
  readonly verifyRequest?: (proof: RequestProof) => ProvenCaller;
  readonly validate?: () => Promise<readonly string[]>;
  /** What the change itself has read from files, besides what the other reads; true when it is another now. */
  readonly refresh?: () => Promise<boolean>;
}

/**
 * @param inner  asked anew each time, so that it may be replaced while it is used
 * @example delegateProvider(() => provider, {callerId: () => 'up=bob'})
 */
export function delegateProvider(inner: () => SecurityProvider, change: ProviderChange): SecurityProvider {
  const now = inner();
  const refresh = async (): Promise<boolean> => {
    const changes = [(await change.refresh?.()) ?? false, (await inner().refresh?.()) ?? false];
    return changes.includes(true);
  };
  const remoteSigner = change.remoteSigner ?? now.remoteSigner;
  const brokerToken = change.brokerToken ?? now.brokerToken;
  return {
    name: now.name,
    technology: now.technology,
    ...(remoteSigner === undefined ? {} : {remoteSigner}),
    ...(brokerToken === undefined ? {} : {brokerToken}),
    ...(now.isUnsigned === undefined ? {} : {isUnsigned: now.isUnsigned}),
    ...(change.refresh === undefined && now.refresh === undefined ? {} : {refresh}),
    get certname() {
      return inner().certname;
    },
    get callerId() {
      return change.callerId?.() ?? inner().callerId;
    },
    get credential() {
      return inner().credential;
    },
    get tls() {
      return inner().tls;
    },
    get expiresAtMs() {
      return inner().expiresAtMs;
    },
    // Who judges otherwise must not share verdicts with the other.
    get trustId() {
      return change.verifyRequest === undefined ? inner().trustId : undefined;
    },
    sign: (message) => inner().sign(message),
    verifyRequest: (proof) => change.verifyRequest?.(proof) ?? inner().verifyRequest(proof),
    ...(now.verifyReply === undefined ? {} : {verifyReply: (proof) => inner().verifyReply?.(proof) ?? false}),
    validate: () => change.validate?.() ?? inner().validate(),
  };
}
