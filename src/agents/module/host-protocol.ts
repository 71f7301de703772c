/** What the server and the process of an agent tell each other, beside the frames of every worker. */
import type {AgentCall} from '../../rpc/types.ts';

/** The first frame: what to load and for which node. */
export interface LoadFrame {
  readonly t: 'load';
  readonly path: string;
  readonly node: {
    readonly identity: string;
    readonly collectives: readonly string[];
    readonly mainCollective: string;
    readonly startedAtMs: number;
    readonly provisioning: boolean;
    readonly upgradable: boolean;
  };
  /** How the server's own program is started: for what an agent starts beside itself. */
  readonly self: {readonly command: string; readonly args: readonly string[]};
  readonly config: {readonly path: string | undefined; readonly entries: Readonly<Record<string, string>>};
}

/** What a call sees of the node without asking. */
export interface NodeState {
  readonly agents: unknown;
  readonly dataPlugins: readonly string[];
  readonly statistics: unknown;
  readonly connectedServer: string | undefined;
  readonly machines: readonly unknown[];
}

export interface CallFields {
  readonly request: Omit<AgentCall['request'], 'body'> & {readonly body: string};
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly state: NodeState;
}

/** What an agent may ask the server for while it works. */
export type Question = 'facts' | 'classes' | 'data';
