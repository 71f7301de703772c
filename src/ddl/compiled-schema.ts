/** The shape of a schema that was compiled ahead. */

/** What the generated code leaves behind for each failing place. */
export interface SchemaIssue {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface CompiledSchema {
  (document: unknown): boolean;
  errors?: readonly SchemaIssue[] | null;
}
