/** The shape of schemas that tools/generate-schemas.ts compiled ahead. */

/** What the generated code leaves behind for each failing place. */
export interface SchemaIssue {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A schema that was compiled ahead. */
export interface CompiledSchema {
  (document: unknown): boolean;
  errors?: readonly SchemaIssue[] | null;
}
