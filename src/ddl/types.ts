/**
 * Agent and data descriptions (DDL) as the program sees them. JSON forms are parsed leniently, as the reference does: whatever
 * parses is kept; `validateDdlDocument` tells what the schema would refuse.
 */
export type Display = 'ok' | 'failed' | 'always';

export interface InputItem {
  readonly name: string;
  readonly prompt: string;
  readonly description: string;
  /** As written; compared without case. */
  readonly type: string;
  readonly optional: boolean;
  readonly default?: unknown;
  readonly validation: string;
  /** In bytes; 0 turns every check of a string off (reference behaviour). */
  readonly maxLengthBytes: number;
  readonly list: readonly string[];
}

export interface OutputItem {
  readonly name: string;
  readonly description: string;
  readonly displayAs: string;
  readonly type: string;
  readonly default?: unknown;
}

export interface AggregateItem {
  readonly function: string;
  readonly args: readonly unknown[];
}

export interface ActionDdl {
  readonly name: string;
  readonly description: string;
  readonly display: Display;
  readonly inputs: ReadonlyMap<string, InputItem>;
  readonly outputs: ReadonlyMap<string, OutputItem>;
  readonly aggregates: readonly AggregateItem[];
}

export interface AgentMetadata {
  readonly name: string;
  readonly description: string;
  readonly author: string;
  readonly license: string;
  readonly version: string;
  readonly url: string;
  readonly timeoutSeconds: number;
  /** `golang`, `ruby`, `external`, or empty. */
  readonly provider: string;
  readonly service: boolean;
}

export interface AgentDdl {
  readonly metadata: AgentMetadata;
  /** In document order. */
  readonly actions: readonly ActionDdl[];
  /** The document as read, for `plugin doc --json` and the registry. */
  readonly document: Readonly<Record<string, unknown>>;
}

export interface DataDdl {
  readonly metadata: AgentMetadata;
  readonly query?: InputItem;
  readonly outputs: ReadonlyMap<string, OutputItem>;
  readonly document: Readonly<Record<string, unknown>>;
}

/** Finds descriptions by name: built in, on disk, in a registry. */
export interface DdlResolver {
  agent(name: string): Promise<AgentDdl | undefined>;
  data(name: string): Promise<DataDdl | undefined>;
  agentNames(): Promise<readonly string[]>;
  dataNames(): Promise<readonly string[]>;
}
