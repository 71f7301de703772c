/** Users with allow and deny lists: which subjects they may subscribe and publish to. */
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {inParallel, RawClient, type ServerPermissions, startBroker} from './_raw.ts';

interface MatrixUser {
  readonly user: string;
  readonly permissions: ServerPermissions;
  readonly subscribe?: Readonly<Record<string, boolean>>;
  readonly publish?: Readonly<Record<string, boolean>>;
  readonly queue_subscribe?: Readonly<Record<string, boolean>>;
  readonly refusing_is_also_right?: readonly string[];
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {users} = input.data as {readonly users: readonly MatrixUser[]};
  return (await inParallel(users, judgeUser)).flat();
}

async function judgeUser(item: MatrixUser): Promise<readonly CaseResult[]> {
  const {user, permissions} = item;
  await using broker = await startBroker({authorization: {users: [{user, password: 'pw', permissions}]}});
  const client = await RawClient.connect(broker);
  client.send(`CONNECT {"verbose":false,"pedantic":false,"user":"${user}","pass":"pw"}\r\nPING\r\n`);
  await ended(client);
  const results: CaseResult[] = [];
  try {
    for (const [subject, accepted] of Object.entries(item.subscribe ?? {})) {
      const got = await isAccepted(client, `SUB ${subject} 1\r\nUNSUB 1\r\n`);
      const mayRefuse = !got && item.refusing_is_also_right?.includes(subject) === true;
      results.push(result(`${user} subscribe ${subject}`, accepted, mayRefuse ? accepted : got));
    }
    for (const [subject, accepted] of Object.entries(item.publish ?? {})) {
      results.push(
        result(`${user} publish ${subject}`, accepted, await isAccepted(client, `PUB ${subject} 0\r\n\r\n`)),
      );
    }
  } finally {
    client.close();
  }
  return results;
}

function result(name: string, expected: boolean, got: boolean): CaseResult {
  return expected === got ? {name, passed: true} : {name, passed: false, expected: String(expected), got: String(got)};
}

async function isAccepted(client: RawClient, operation: string): Promise<boolean> {
  client.send(`${operation}PING\r\n`);
  return !(await ended(client)).includes('Permissions Violation');
}

/** Everything up to the PONG. */
async function ended(client: RawClient): Promise<string> {
  await client.until((item) => item.received.includes('PONG\r\n') || item.isClosed);
  return client.take();
}
