/** The life of a request by its age; the ceiling is a setting of ours and stays out of the way. */
import {isWithinTtl} from '../../../../src/protocol/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';

interface File {
  readonly cases: readonly {
    readonly age_ms: number;
    readonly ttl: number;
    readonly version: string;
    readonly valid: boolean;
  }[];
}

/** Any time does; whole seconds, so that the truncation of v1 is the only one. */
const nowMs = 1_795_232_797_000;

const judge: Judge = async ({data}) =>
  (data as File).cases.map((item, index): CaseResult => {
    const createdMs = nowMs - item.age_ms;
    const sentAtMs = item.version === 'v1' ? Math.floor(createdMs / 1_000) * 1_000 : createdMs;
    const valid = isWithinTtl({sentAtMs, ttlSeconds: item.ttl}, {nowMs, ttlCeilingSeconds: Number.MAX_SAFE_INTEGER});
    return judgeEqual(`${index} ${item.version} ttl ${item.ttl} age ${item.age_ms}`, item.valid, valid);
  });

export default judge;
