/** Odd request bodies, each sent to a real server with the built-in agents; what comes back is compared with what came back there. */
import {randomBytes} from 'node:crypto';
import {createBuiltinAgents} from '../../../../src/agents/index.ts';
import type {SecurityProvider} from '../../../../src/crypto/index.ts';
import {
  decodeBody,
  encodeRequest,
  encodeTransport,
  newRequestId,
  openReply,
  openTransport,
  type ProtocolVersion,
} from '../../../../src/protocol/index.ts';
import type {Authorizer} from '../../../../src/rpc/types.ts';
import {replyTo, startTestServer, testIdentity} from '../../../support/test-server.ts';
import {type CaseResult, judgeEqual} from '../../judge.ts';

interface ExpectedReply {
  readonly agent: string;
  readonly message: string;
}

export interface BodiesFile {
  /** Says which policy the node had. */
  readonly note?: string;
  readonly cases: readonly {
    readonly name: string;
    readonly agent: string;
    readonly body: string;
    readonly replies: readonly ExpectedReply[];
  }[];
}

interface Parties {
  readonly version: ProtocolVersion;
  readonly client: SecurityProvider;
  readonly server: SecurityProvider;
}

/** The policy that the note describes. */
function policyOf(note: string): Authorizer {
  const isOpen = note.includes('allowed everything');
  return {
    name: 'note',
    authorize: async ({agent, action}) => ({
      allowed: isOpen || agent !== 'rpcutil' || action === 'ping',
      reason: 'note',
    }),
  };
}

export async function judgeBodies(file: BodiesFile, parties: Parties): Promise<readonly CaseResult[]> {
  await using node = await startTestServer({
    agents: createBuiltinAgents({version: '1.0.0'}),
    parts: {provider: parties.server, authorizer: policyOf(file.note ?? '')},
  });
  const results: CaseResult[] = [];
  for (const item of file.cases) {
    const before = node.replies().length;
    node.deliver(await requestFor(item, parties));
    await settle(() => node.settled());
    const replies = node.replies().slice(before);
    const got = replies.map(({payload}) => openReply(openTransport(payload)));
    results.push(
      judgeEqual(
        item.name,
        item.replies.map(({agent, message}) => ({agent, message: describe(message)})),
        got.map(({agent, body}) => ({agent, message: describe(body.toString('utf8'))})),
      ),
    );
  }
  return results;
}

/** Agents may read files before they answer; a few rounds of quiet instead of one. */
async function settle(settled: () => Promise<void>): Promise<void> {
  for (let round = 0; round < 20; round += 1) await settled();
}

async function requestFor(item: BodiesFile['cases'][number], parties: Parties): Promise<Buffer> {
  const nowMs = Date.now();
  const payload = await encodeRequest(
    {
      id: newRequestId(parties.version, {random: {bytes: (count) => randomBytes(count)}, nowMs}),
      senderId: 'dev1.example.net',
      collective: 'mcollective',
      agent: item.agent,
      ttlSeconds: 60,
      sentAtMs: nowMs,
      // What an agent would see of this text; encoded again it becomes the same text or its base64.
      body: decodeBody(item.body),
      filter: {facts: [], classes: [], agents: [], identities: [testIdentity], compounds: []},
    },
    {provider: parties.client},
  );
  return encodeTransport({version: parties.version, payload, replyTo, senderId: 'dev1.example.net', trace: []});
}

const parserTexts = [
  'Could not process request: could not parse incoming message as a MCollective SimpleRPC Request: ',
  'Could not parse request data for ',
];

/** Action, code and text as they are; data by its keys and kinds, because times, facts and versions are the node's own. */
function describe(message: string): unknown {
  if (!message.startsWith('{')) return message;
  const reply = JSON.parse(message) as {readonly statusmsg: string; readonly data: unknown};
  const parserText = parserTexts.find((text) => reply.statusmsg.startsWith(text));
  return {...reply, statusmsg: parserText ?? reply.statusmsg, data: kinds(reply.data)};
}

function kinds(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return kindOf(data);
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, kindOf(value)]));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
