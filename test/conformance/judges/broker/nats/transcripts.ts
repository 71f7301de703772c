/** Scripts of one raw client: the same bytes must come back, and the connection must close when the reference closed it. */
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {inParallel, RawClient, type ServerSettings, splitOperations, startBroker, type WireStep} from './_raw.ts';

interface Transcript {
  readonly name: string;
  readonly profile: string;
  readonly unordered_msgs?: boolean;
  readonly steps: readonly WireStep[];
}

interface Transcripts {
  readonly profiles: Readonly<Record<string, ServerSettings>>;
  readonly cases: readonly Transcript[];
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {profiles, cases} = input.data as Transcripts;
  return inParallel(cases, (item) => judgeTranscript(item, profiles[item.profile] ?? {}));
}

async function judgeTranscript(item: Transcript, settings: ServerSettings): Promise<CaseResult> {
  const {name} = item;
  await using broker = await startBroker(settings);
  const client = await RawClient.connect(broker);
  try {
    for (const [index, step] of item.steps.entries()) {
      if (step.dir === 'client') {
        client.send(step.data);
        continue;
      }
      const closed = step.closed_after === true;
      const got = await client.read({length: step.data.length, closed});
      const order = (text: string): string =>
        item.unordered_msgs === true ? splitOperations(text).toSorted().join('') : text;
      if (order(got) !== order(step.data) || (step.closed_after !== undefined && client.isClosed !== closed)) {
        const shown = (text: string, isClosed: boolean): string => `${JSON.stringify(text)} closed=${isClosed}`;
        return {
          name,
          passed: false,
          expected: `step ${index} ${shown(step.data, closed)}`,
          got: shown(got, client.isClosed),
        };
      }
    }
    return {name, passed: true};
  } finally {
    client.close();
  }
}
