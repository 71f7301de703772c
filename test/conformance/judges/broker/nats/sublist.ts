/** Random subscriptions and publishes on one connection: each message reaches exactly the subscriptions listed. */
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {inParallel, RawClient, splitOperations, startBroker} from './_raw.ts';

interface SublistCase {
  readonly id: number;
  readonly subscriptions: readonly {readonly sid: string; readonly subject: string; readonly queue?: string}[];
  readonly publishes: readonly {
    readonly subject: string;
    readonly plain: readonly string[];
    readonly queues?: Readonly<Record<string, readonly string[]>>;
  }[];
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  return inParallel((input.data as {readonly cases: readonly SublistCase[]}).cases, judgeCase);
}

async function judgeCase(item: SublistCase): Promise<CaseResult> {
  const name = String(item.id);
  await using broker = await startBroker({});
  const client = await RawClient.connect(broker);
  try {
    const subscribe = item.subscriptions.map(
      ({sid, subject, queue}) => `SUB ${subject}${queue === undefined ? '' : ` ${queue}`} ${sid}\r\n`,
    );
    const publish = item.publishes.map(({subject}, index) => `PUB ${subject} ${String(index).length}\r\n${index}\r\n`);
    client.send(`CONNECT {"verbose":false,"pedantic":false}\r\n${subscribe.join('')}${publish.join('')}PING\r\n`);
    let text = '';
    while (!text.endsWith('PONG\r\n') && !client.isClosed) text += await client.read({length: 1, closed: false});
    const received = item.publishes.map((): string[] => []);
    for (const operation of splitOperations(text)) {
      const found = /^MSG \S+ (\S+) \d+\r\n(\d+)\r\n$/.exec(operation);
      if (found !== null) received[Number(found[2])]?.push(found[1] ?? '');
    }
    for (const [index, wanted] of item.publishes.entries()) {
      const problem = compare(wanted, received[index] ?? []);
      if (problem !== undefined) {
        return {name, passed: false, expected: `${wanted.subject} ${JSON.stringify(wanted)}`, got: problem};
      }
    }
    return {name, passed: true};
  } finally {
    client.close();
  }
}

function compare(wanted: SublistCase['publishes'][number], received: readonly string[]): string | undefined {
  const rest = [...received];
  const take = (sid: string): boolean => {
    const place = rest.indexOf(sid);
    if (place >= 0) rest.splice(place, 1);
    return place >= 0;
  };
  if (!wanted.plain.every(take)) return JSON.stringify(received);
  for (const members of Object.values(wanted.queues ?? {})) {
    if (members.filter((sid) => rest.includes(sid)).length === 0) return JSON.stringify(received);
    members.some(take);
  }
  return rest.length === 0 ? undefined : JSON.stringify(received);
}
