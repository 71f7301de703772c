/** Captured flows of v1: every message opens, verifies, and is made again. */
import type {CaseResult, Judge} from '../../judge.ts';
import {type Flow, judgeFlow} from './_flows.ts';
import {providerV1} from './_messages.ts';

const judge: Judge = async ({vectorsDirectory, data}) => {
  // Nodes register with their own certificates, so every name of the authority may call here.
  const provider = providerV1(vectorsDirectory, {allowed: ['.']});
  const results: CaseResult[] = [];
  for (const flow of (data as {readonly flows: readonly Flow[]}).flows)
    results.push(...(await judgeFlow(flow, provider)));
  return results;
};

export default judge;
