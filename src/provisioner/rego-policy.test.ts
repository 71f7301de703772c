import {expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import type {RegoEngine} from '../authz/index.ts';
import {createRegoProvisionPolicy} from './rego-policy.ts';

const facts = {
  identity: 'n1.example.net',
  csr: null,
  ed25519_pubkey: null,
  inventory: '{"facts":{"site":"lon"}}',
  jwt: {extensions: {customer: 'acme'}},
};

function policyOf(
  decide: RegoEngine['decide'],
  files: Readonly<Record<string, string>> = {'/etc/p.rego': 'package x'},
) {
  const engine = {
    decide,
    coveredLines: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  } as unknown as RegoEngine;
  return createRegoProvisionPolicy({path: '/etc/p.rego', files: createFakePlatform({files}).files, engine});
}

test('a policy judges what the helper sees, with the inventory as an object', async () => {
  const asked: unknown[] = [];
  const policy = policyOf(async (text, question) => {
    asked.push([text, question.query.packageName, question.input]);
    return true;
  });
  expect((await policy.judge(facts)).allowed).toBe(true);
  expect(asked).toEqual([['package x', 'io.choria.provisioner', {...facts, inventory: {facts: {site: 'lon'}}}]]);
});

test('fault 40: a policy that is missing, fails or says no denies', async () => {
  const no = await policyOf(async () => false).judge(facts);
  const broken = await policyOf(() => Promise.reject(new Error('rego_parse_error'))).judge(facts);
  const missing = await policyOf(async () => true, {}).judge(facts);
  expect([no.allowed, broken.allowed, missing.allowed]).toEqual([false, false, false]);
  expect(broken.reason).toContain('rego_parse_error');
});
