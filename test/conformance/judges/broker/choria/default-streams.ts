/** The standard streams: what we ask a server to make has the names, subjects, limits and flags of those that a single Choria broker has. */
import {configFromEntries} from '../../../../../src/config/index.ts';
import {createNodePlatform} from '../../../../../src/lib/node-platform.ts';
import {defaultStreams} from '../../../../../src/broker/supervised/default-streams.ts';
import {readSupervisedSettings} from '../../../../../src/broker/supervised/settings.ts';
import {type CaseResult, judgeEqual, type JudgeInput} from '../../../judge.ts';

interface StreamsFile {
  readonly streams: readonly (Readonly<Record<string, unknown>> & {readonly name: string})[];
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {streams} = input.data as StreamsFile;
  // The capture's broker was alone, so every replica setting was 1; all else has its default.
  const config = await configFromEntries(
    {'plugin.choria.network.stream.store': '/streams'},
    {platform: createNodePlatform(), mode: 'server'},
  );
  const rules = readSupervisedSettings(config).streams;
  const ours = new Map(
    rules === undefined ? [] : defaultStreams(rules).map((stream) => [stream.name, stream] as const),
  );
  return streams.map((stream) => {
    // Which version of the server made it says nothing about the stream.
    const {metadata: _byServer, ...wanted} = stream;
    return judgeEqual(stream.name, wanted, ours.get(stream.name));
  });
}
