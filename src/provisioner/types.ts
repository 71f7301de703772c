/** What the provisioner asks of others. */
import type {HelperInput} from './helper.ts';

/** Decides before the helper whether a node may be provisioned. Any throw means no. */
export interface ProvisionPolicy {
  judge(facts: HelperInput): Promise<{readonly allowed: boolean; readonly reason: string}>;
}

/** Which of several provisioners works; the others wait. */
export interface LeaderElection {
  /** Campaigns until `stop`; calls back at each change. */
  start(callbacks: {readonly won: () => void; readonly lost: () => void}): Promise<void>;
  stop(): Promise<void>;
}
