/** Messages of the Ruby client and server: requests at a server, replies at a client. */
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';
import {
  describeReply,
  describeRequest,
  type ExpectedReply,
  expectedReply,
  type ExpectedRequest,
  expectedRequest,
  providerV1,
  receiveReply,
  receiveRequest,
} from './_messages.ts';

interface File {
  readonly generated_at_unix?: number;
  readonly cases: readonly {
    readonly name: string;
    readonly transport: string;
    readonly decoded?: {readonly inner_raw?: string};
    readonly expect: ExpectedRequest &
      ExpectedReply & {readonly secure_reply?: unknown; readonly ttl_valid_when_generated?: boolean};
  }[];
}

/** When the file does not say at which time it was judged, the message's own time tells: one inside its life, one far behind it. */
function judgedAtMs(item: File['cases'][number], file: File): number {
  if (file.generated_at_unix !== undefined) return file.generated_at_unix * 1_000;
  const inner = JSON.parse(item.decoded?.inner_raw ?? '{}') as {
    readonly envelope?: {readonly time?: number; readonly ttl?: number};
  };
  const sentAtMs = (inner.envelope?.time ?? 0) * 1_000;
  const lifeMs = (inner.envelope?.ttl ?? 60) * 1_000;
  return item.expect.ttl_valid_when_generated === false ? sentAtMs + lifeMs + 1_000 : sentAtMs;
}

const judge: Judge = async ({vectorsDirectory, data}) => {
  const file = data as File;
  const provider = providerV1(vectorsDirectory);
  return file.cases.map((item): CaseResult => {
    const bytes = Buffer.from(item.transport, 'utf8');
    const nowMs = judgedAtMs(item, file);
    if (item.expect.secure_reply !== undefined) {
      const received = receiveReply(bytes, {strict: false, provider, nowMs});
      return judgeEqual(item.name, expectedReply(item.expect), describeReply(received, item.expect));
    }
    const received = receiveRequest(bytes, {provider, nowMs, collectives: ['mcollective', 'other']});
    return judgeEqual(item.name, expectedRequest(item.expect), describeRequest(received, item.expect));
  });
};

export default judge;
