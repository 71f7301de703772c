/**
 * Checks documents against the protocol's JSON schemas and words failures as the reference does:
 * `/envelope/ttl: must be >= 30 but found 29`, joined by `, `.
 *
 * The schemas are compiled ahead (tools/generate-schemas.ts). Mistakes of the shipped schemas are kept, because verdicts are part of
 * the format: replies of version 2 have to carry the request's protocol name, version 1 describes a key `targets` that does not exist.
 */
import type {CompiledSchema, SchemaIssue} from './compiled-schema.ts';
import {ProtocolError, type ProtocolStage} from './errors.ts';
import {
  v1Reply,
  v1Request,
  v1SecureReply,
  v1SecureRequest,
  v1Transport,
  v2Reply,
  v2Request,
  v2SecureReply,
  v2SecureRequest,
  v2Transport,
} from './generated/validators.ts';
import {protocolNames} from './protocol-names.ts';

const schemas: Readonly<Record<string, CompiledSchema>> = {
  [protocolNames[1].transport]: v1Transport,
  [protocolNames[1].secureRequest]: v1SecureRequest,
  [protocolNames[1].secureReply]: v1SecureReply,
  [protocolNames[1].request]: v1Request,
  [protocolNames[1].reply]: v1Reply,
  [protocolNames[2].transport]: v2Transport,
  [protocolNames[2].secureRequest]: v2SecureRequest,
  [protocolNames[2].secureReply]: v2SecureReply,
  [protocolNames[2].request]: v2Request,
  [protocolNames[2].reply]: v2Reply,
};

/**
 * What is wrong with a document, one text each; empty when it passes.
 *
 * @param protocol  name of the schema, such as `choria:request:1`
 */
export function schemaProblems(protocol: string, document: unknown): readonly string[] {
  const validate = Object.hasOwn(schemas, protocol) ? schemas[protocol] : undefined;
  if (validate === undefined) {
    throw new ProtocolError(
      'ERR_PROTOCOL_UNKNOWN',
      `Cannot check a document: there is no schema ${JSON.stringify(protocol)}`,
      {
        stage: 'transport',
      },
    );
  }
  if (validate(document)) return [];
  return wordIssues(validate.errors ?? [], document);
}

/** @throws {ProtocolError} `ERR_SCHEMA`; `details.problems` holds the texts */
export function requireSchema(
  protocol: string,
  document: unknown,
  options: {readonly what: string; readonly stage: ProtocolStage},
): void {
  const problems = schemaProblems(protocol, document);
  if (problems.length === 0) return;
  throw new ProtocolError('ERR_SCHEMA', `Cannot accept ${options.what}: ${problems.join(', ')}`, {
    stage: options.stage,
    details: {problems},
  });
}

function wordIssues(issues: readonly SchemaIssue[], document: unknown): readonly string[] {
  const wrongTypes = new Set(issues.filter((issue) => issue.keyword === 'type').map((issue) => issue.instancePath));
  const missing = new Map<string, string[]>();
  const texts: string[] = [];
  for (const issue of issues) {
    if (issue.keyword === 'required') {
      const names = missing.get(issue.instancePath) ?? [];
      names.push(`'${String(issue.params['missingProperty'])}'`);
      missing.set(issue.instancePath, names);
    } else if (issue.keyword === 'type' || !wrongTypes.has(issue.instancePath)) {
      texts.push(place(issue.instancePath) + wordIssue(issue, valueAt(document, issue.instancePath)));
    }
  }
  const absent = [...missing].map(([path, names]) => `${place(path)}missing properties: ${names.join(', ')}`);
  return [...absent, ...texts];
}

function place(path: string): string {
  return path === '' ? '' : `${path}: `;
}

function wordIssue(issue: SchemaIssue, value: unknown): string {
  const {params} = issue;
  switch (issue.keyword) {
    case 'type':
      return `expected ${String(params['type'])}, but got ${typeName(value)}`;
    case 'enum': {
      const values = (params['allowedValues'] as readonly unknown[]).map((item) => JSON.stringify(item));
      return values.length === 1 ? `value must be ${values[0]}` : `value must be one of ${values.join(', ')}`;
    }
    case 'minLength':
      return `length must be >= ${String(params['limit'])}, but got ${characterCount(value)}`;
    case 'maxLength':
      return `length must be <= ${String(params['limit'])}, but got ${characterCount(value)}`;
    case 'minimum':
      return `must be >= ${numberText(params['limit'])} but found ${numberText(value)}`;
    default:
      return `must be <= ${numberText(params['limit'])} but found ${numberText(value)}`;
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function characterCount(value: unknown): number {
  return typeof value === 'string' ? Array.from(value).length : 0;
}

/** Large numbers are shown with an exponent, as the reference does. */
function numberText(value: unknown): string {
  if (typeof value !== 'number') return String(value);
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? value.toExponential() : String(value);
}

function valueAt(document: unknown, path: string): unknown {
  let value = document;
  for (const token of path.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  }
  return value;
}
