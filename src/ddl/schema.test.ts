import {readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {ddlValidatorPath, generateDdlValidator} from '../../tools/generate-ddl-schema.ts';
import {validateDdlDocument} from './schema.ts';
import {agentMetadata} from '../../test/support/agent-metadata.ts';

test('the generated validator is that of the schema', () => {
  expect(readFileSync(ddlValidatorPath, 'utf8')).toBe(generateDdlValidator());
});

test('each problem says where it is', () => {
  const metadata = agentMetadata('Bad', {timeout: 1});
  expect(validateDdlDocument({metadata, actions: [{action: 'a', description: 'd', input: {}}]})).toEqual([
    '/metadata/name: must match pattern "^[a-z0-9_]*$"',
    '/metadata/timeout: must be >= 2',
    "/actions/0: must have required property 'output'",
  ]);
});

test('metadata and actions may both be absent', () => {
  expect(validateDdlDocument({})).toEqual([]);
});
