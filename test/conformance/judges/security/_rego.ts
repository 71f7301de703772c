/** The Rego engine of a whole judge: compiled by the real opa, evaluated in a real thread. */
import {delimiter, join} from 'node:path';
import {createLocalRegoEngine, type RegoEngine} from '../../../../src/authz/index.ts';
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import type {Platform} from '../../../../src/lib/platform.ts';

/** Go's own directory of programs is seldom on the PATH. */
export function platformWithOpa(platform: Platform): Platform {
  const path = [platform.env['PATH'] ?? '', join(platform.host.homeDirectory ?? '/', 'go', 'bin')].join(delimiter);
  return {...platform, env: {...platform.env, PATH: path}};
}

export function createJudgeEngine(): RegoEngine {
  return createLocalRegoEngine({platform: platformWithOpa(createNodePlatform())});
}
