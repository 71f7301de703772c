/** Replies of v2 at a client, with and without strict validation. */
import {createMemoryChoriaProvider} from '../../../../src/crypto/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';
import {describeReply, type ExpectedReply, expectedReply, receiveReply} from './_messages.ts';

interface File {
  readonly cases: readonly {
    readonly name: string;
    readonly transport: string;
    readonly client_strict_validation?: boolean;
    readonly expect: ExpectedReply;
  }[];
}

const judge: Judge = async ({data}) => {
  const provider = createMemoryChoriaProvider({identity: 'bob', mode: 'client'});
  return (data as File).cases.map((item): CaseResult => {
    const strict = item.client_strict_validation === true;
    const received = receiveReply(Buffer.from(item.transport, 'utf8'), {strict, provider, nowMs: 0});
    return judgeEqual(item.name, expectedReply(item.expect), describeReply(received, item.expect));
  });
};

export default judge;
