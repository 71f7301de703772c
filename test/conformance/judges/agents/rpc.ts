/**
 * RPC bodies sent to the two nodes of `fixture.json`. What differs between any two machines (times, ids, versions, counters, words
 * of descriptions) compares by type; everything else by value.
 */
import {
  decodeBody,
  emptyFilter,
  encodeRequestDocument,
  protocolNames,
  schemaProblems,
} from '../../../../src/protocol/index.ts';
import {judgeEqual, type CaseResult, type Judge} from '../../judge.ts';
import {caseList, caseName, fields, isFields, text, type Fields} from './_cases.ts';
import {startTestNode, type TestNode} from './_node.ts';

/** Values that vary from machine to machine, by the key they stand under. */
const variable: ReadonlySet<string> = new Set([
  'pong',
  'pid',
  'uptime',
  'total',
  'validated',
  'unvalidated',
  'passed',
  'filtered',
  'replies',
  'events',
  'ttlexpired',
  'goroutines',
  'go_version',
  'cpus',
  'version',
  'built',
  'commit',
  'threads',
  'starttime',
  'start-time',
  'end-time',
  'duration',
  'runtime',
  'client_version',
  'client_flavour',
  'choria_version',
  'facter_command',
  'path',
  'summary',
  'in_msgs',
  'out_msgs',
  'in_bytes',
  'out_bytes',
  'reconnects',
]);

/** Metadata whose words are each program's own, for agents that come with it. */
const ownWords: ReadonlySet<string> = new Set(['author', 'url', 'description']);

const brought: ReadonlySet<string> = new Set([
  'choria_registry',
  'choria_util',
  'discovery',
  'executor',
  'rpcutil',
  'scout',
  'choria_provision',
  'aaa_signer',
]);

function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (!isFields(value)) return value;
  const isOwn = typeof value['agent'] === 'string' && brought.has(value['agent']);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const varies = (variable.has(key) && !isFields(item)) || (isOwn && ownWords.has(key));
      return [key, varies ? `(${Array.isArray(item) ? 'list' : typeof item})` : shape(item)];
    }),
  );
}

/** JSON bodies as values; other bodies as text. */
function comparable(body: string | undefined): unknown {
  if (body === undefined) return '(silence)';
  try {
    return shape(JSON.parse(body));
  } catch {
    return body;
  }
}

/** The captured node had descriptions that the fixture leaves out; of those it has, every name must be told. */
function namesInFixture(body: unknown, known: readonly string[]): unknown {
  if (!isFields(body) || !isFields(body['data']) || !Array.isArray(body['data']['names'])) return body;
  const names = (body['data']['names'] as unknown[]).filter((name) => known.includes(String(name)));
  return {...body, data: {...body['data'], names}};
}

async function judgeCase(item: Fields, name: string, node: TestNode): Promise<CaseResult> {
  if (typeof item['client_error'] === 'string') return judgeClientError(item, name);
  const replies = Array.isArray(item['replies']) ? item['replies'] : [];
  const body = await node.call({
    agent: text(item['agent']),
    body: decodeBody(text(item['payload'])),
    type: text(item['type']),
    collective: text(item['collective']),
    filter: item['filter'],
  });
  const wanted = replies.length === 0 ? undefined : text(fields(replies[0])['body']);
  if (item['agent'] !== 'choria_registry') return judgeEqual(name, comparable(wanted), comparable(body));
  const known = node.context.platform.files
    .list('/opt/choria/lib/mcollective/agent')
    .then((entries) => entries.filter((entry) => entry.name.endsWith('.json')).map((entry) => entry.name.slice(0, -5)));
  return judgeEqual(name, namesInFixture(comparable(wanted), await known), comparable(body));
}

/** Refused before anything is sent: the document does not pass its own schema. */
function judgeClientError(item: Fields, name: string): CaseResult {
  const document = encodeRequestDocument({
    version: 1,
    id: '0123456789abcdef0123456789abcdef',
    senderId: 'rip.mcollective',
    callerId: 'choria=rip.mcollective',
    collective: text(item['collective']),
    agent: text(item['agent']),
    ttlSeconds: Number(item['ttl']),
    sentAtMs: 1_795_232_458_000,
    filter: emptyFilter,
    body: Buffer.from(text(item['payload']), 'utf8'),
  });
  const problems = schemaProblems(protocolNames[1].request, JSON.parse(document.toString('utf8')));
  return judgeEqual(
    name,
    true,
    problems.length > 0 && problems.every((problem) => text(item['client_error']).includes(problem)),
  );
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  const nodes = new Map<string, TestNode>();
  try {
    for (const [index, item] of caseList(data).entries()) {
      const key = text(item['node']);
      const node = nodes.get(key) ?? (await startTestNode({vectorsDirectory, node: key}));
      nodes.set(key, node);
      yield await judgeCase(item, caseName(item, index), node);
    }
  } finally {
    for (const node of nodes.values()) await node[Symbol.asyncDispose]();
  }
};

export default judge;
