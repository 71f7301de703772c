/** Which document of a policy decides, and which functions it may call beyond Rego's own. */

export interface RegoQuery {
  /** The policy's package, such as `io.choria.aaasvc`. */
  readonly packageName: string;
  /** Functions of ours: name and number of text arguments; all answer with a boolean. */
  readonly functions: Readonly<Record<string, number>>;
  /** Whether the syntax before OPA 1.0 (`allow { ... }`) is read, too. */
  readonly acceptsOldSyntax: boolean;
}

/** Policies beside a server's configuration (spec security 8.2). */
export const serverQuery: RegoQuery = {
  packageName: 'io.choria.mcorpc.authpolicy',
  functions: {},
  acceptsOldSyntax: false,
};

/** Policies inside client tokens (spec security 8.3): services of older builds read the old syntax only, newer servers the new one. */
export const tokenQuery: RegoQuery = {
  packageName: 'io.choria.aaasvc',
  functions: {requires_filter: 0, requires_fact_filter: 1, requires_class_filter: 1, requires_identity_filter: 1},
  acceptsOldSyntax: true,
};

/** The name of the document as `opa build -e` and the compiled policy know it. */
export function entrypointOf(query: RegoQuery): string {
  return `${query.packageName.replaceAll('.', '/')}/allow`;
}
