/** Requests of v1: verdict and failing stage at a server, at the time the messages were made. */
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';
import {describeRequest, type ExpectedRequest, expectedRequest, providerV1, receiveRequest} from './_messages.ts';

interface File {
  readonly generated_at_unix: number;
  readonly server_provider?: {
    readonly ca?: string;
    readonly certname_whitelist?: readonly string[];
    readonly privileged_users?: readonly string[];
    readonly collectives?: readonly string[];
  };
  readonly cases: readonly {readonly name: string; readonly transport: string; readonly expect: ExpectedRequest}[];
}

const judge: Judge = async ({vectorsDirectory, data}) => {
  const file = data as File;
  const server = file.server_provider ?? {};
  const provider = providerV1(vectorsDirectory, {
    ...(server.ca === undefined ? {} : {caFile: server.ca}),
    ...(server.certname_whitelist === undefined ? {} : {allowed: server.certname_whitelist}),
    ...(server.privileged_users === undefined ? {} : {privileged: server.privileged_users}),
  });
  const options = {
    provider,
    nowMs: file.generated_at_unix * 1_000,
    collectives: server.collectives ?? ['mcollective', 'other'],
  };
  return file.cases.map((item): CaseResult => {
    const received = receiveRequest(Buffer.from(item.transport, 'utf8'), options);
    return judgeEqual(item.name, expectedRequest(item.expect), describeRequest(received, item.expect));
  });
};

export default judge;
