/** Judges what client commands send and cause: the messages that somebody else on the broker sees while a command runs. */
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {openConnection} from '../../../../src/connect/index.ts';
import type {Lab} from '../../../support/lab.ts';
import {sharedLab} from './_lab.ts';

interface WireMessage {
  readonly subject: string;
  readonly transport: {readonly data: string; readonly headers: Readonly<Record<string, unknown>>};
}

interface WireCase {
  readonly name: string;
  readonly argv: readonly string[];
  readonly subscribed: string;
  readonly messages: readonly WireMessage[];
}

const judge: Judge = async (input) => {
  const lab = await sharedLab(input.vectorsDirectory);
  const results: CaseResult[] = [];
  // One after the other: each case listens to everything that passes.
  for (const item of input.data as readonly WireCase[]) results.push(await judgeCase(item, lab));
  return results;
};

async function judgeCase(item: WireCase, lab: Lab): Promise<CaseResult> {
  const seen: {subject: string; payload: string}[] = [];
  const read = (name: string): string => readFileSync(join(lab.files.lab, 'ssl', name), 'utf8');
  const connection = await openConnection({
    platform: lab.platform(),
    name: 'wire judge',
    servers: ['nats://127.0.0.1:20400'],
    tls: {
      material: {
        certificatePem: read('rip.mcollective.pem'),
        keyPem: read('rip.mcollective.key'),
        caPem: read('ca.pem'),
      },
      verify: true,
      legacyNames: false,
    },
    inboxPrefix: 'mcollective.reply',
    attemptsMax: 1,
  });
  try {
    connection.subscribe(item.subscribed, (message) => {
      seen.push({subject: message.subject, payload: message.payload.toString('utf8')});
    });
    await connection.flush({timeoutMs: 5_000});
    await lab.run({argv: item.argv});
    await waitFor(connection, () => seen.length >= item.messages.length);
    await connection.flush({timeoutMs: 5_000});
  } finally {
    await connection.close();
  }
  const wanted = item.messages.map((message) => fold(message.subject, message.transport));
  const found = seen.map(({subject, payload}) => fold(subject, JSON.parse(payload) as WireMessage['transport']));
  return judgeEqual(item.name, wanted.sort(byText), found.sort(byText));
}

/** Answers to a subject of one's own come after the command has ended. */
async function waitFor(
  connection: {flush(options: {timeoutMs: number}): Promise<void>},
  isDone: () => boolean,
): Promise<void> {
  for (let turn = 0; turn < 200 && !isDone(); turn++) {
    await connection.flush({timeoutMs: 5_000});
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

/** Everything of a message but what differs from run to run: ids, times, signatures, certificates, hashes. */
function fold(subject: string, transport: WireMessage['transport']): unknown {
  const {data, ...rest} = transport;
  const secure = JSON.parse(Buffer.from(data, 'base64').toString('utf8')) as Readonly<Record<string, string>>;
  const inner = JSON.parse(secure['message'] ?? '{}') as Readonly<Record<string, unknown>>;
  const envelope = inner['envelope'] as Readonly<Record<string, unknown>>;
  const id = String(envelope['requestid']);
  const folded = {
    subject,
    transport: rest,
    secure: {
      ...secure,
      message: '',
      signature: typeof secure['signature'],
      pubcert: typeof secure['pubcert'],
      hash: typeof secure['hash'],
    },
    // The text of the body counts letter by letter: keys in their order.
    inner: {...inner, envelope: {...envelope, time: typeof envelope['time']}},
  };
  return JSON.parse(JSON.stringify(folded).replaceAll(id, '<id>')) as unknown;
}

export default judge;
