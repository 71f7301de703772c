/**
 * The strict judge of agent descriptions, for `plugin generate` and authors. Vectors: `agents/ddl-schema.json`.
 */
import type {SchemaIssue} from './compiled-schema.ts';
import {validateAgentDdl} from './generated/agent-schema.ts';

/**
 * What the schema says against a document, one text each; empty when nothing.
 *
 * @example
 * validateDdlDocument({metadata: {name: 'Bad'}});
 * // ["/metadata: must have required property 'description'", ...]
 */
export function validateDdlDocument(document: unknown): readonly string[] {
  if (validateAgentDdl(document)) return [];
  const issues = validateAgentDdl.errors ?? [];
  return [
    ...new Set(issues.map((issue) => `${issue.instancePath || '/'}: ${issue.message ?? issue.keyword}${extra(issue)}`)),
  ];
}

function extra(issue: SchemaIssue): string {
  const allowed = issue.params['allowedValues'];
  if (Array.isArray(allowed)) return `: ${allowed.join(', ')}`;
  const unknown = issue.params['additionalProperty'];
  return typeof unknown === 'string' ? `: ${JSON.stringify(unknown)}` : '';
}
