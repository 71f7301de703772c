/** Captured flows of v2: every message opens, verifies with the folder's issuers, and is made again. */
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {createMemoryChoriaProvider} from '../../../../src/crypto/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {type Flow, judgeFlow} from './_flows.ts';

/** Public keys of the issuers among the folder's keys. */
function issuersIn(vectorsDirectory: string): readonly string[] {
  const path = join(vectorsDirectory, 'protocol/v2-keys.json');
  if (!existsSync(path)) return [];
  const keys = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly ed25519: Readonly<Record<string, {readonly public: string}>>;
  };
  return Object.entries(keys.ed25519)
    .filter(([name]) => name.startsWith('issuer'))
    .map(([, pair]) => pair.public);
}

const judge: Judge = async ({vectorsDirectory, data}) => {
  const provider = createMemoryChoriaProvider({
    identity: 'server1.example.net',
    mode: 'server',
    trustedSigners: issuersIn(vectorsDirectory),
  });
  const results: CaseResult[] = [];
  for (const flow of (data as {readonly flows: readonly Flow[]}).flows)
    results.push(...(await judgeFlow(flow, provider)));
  return results;
};

export default judge;
