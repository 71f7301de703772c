/** The node a filter is judged on. */

/** What a data plugin is called with and gives back. */
export interface FilterData {
  /** The node's data plugins; in an expression each is a function of its name. */
  readonly functions: Readonly<Record<string, {readonly takesQuery: boolean}>>;
  /** Rejects when the plugin fails; the expression then matches nothing. */
  call(name: string, query: string | undefined): Promise<unknown>;
}

/** Everything at hand: for nodes whose facts and classes are already read. */
export interface FilterNode {
  readonly identity: string;
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  /** JSON text of the merged facts. */
  readonly factsJson: string | Uint8Array;
  readonly data?: FilterData;
}

/** Facts and classes are read from disk only when the filter asks for them. */
export interface FilterNodeSource {
  readonly identity: string;
  agents(): readonly string[];
  classes(): Promise<readonly string[]>;
  factsJson(): Promise<Uint8Array | string>;
  readonly data?: FilterData;
}

export interface FilterVerdict {
  readonly matched: boolean;
  /** What decided, for people: the kind and entry that did not match, or that everything did. */
  readonly reason: string;
}
