/**
 * Calls of the recording agent: how it was started, what it was given, what came back. Random names and the temporary folder are
 * replaced as in the vectors.
 */
import {judgeEqual, type CaseResult, type Judge} from '../../judge.ts';
import {caseList, fields, isFields, text, type Fields} from './_cases.ts';
import {startTestNode, type TestNode} from './_node.ts';

/** Replies that the vectors tell literally, by action. */
function toldReplies(cases: readonly Fields[]): Readonly<Record<string, string>> {
  const told: Record<string, string> = {};
  for (const item of cases) {
    const did = item['agent_did'];
    if (item['kind'] !== 'rpc_request' || typeof did !== 'string' || !did.startsWith('{')) continue;
    if (isJson(did)) told[text(fields(JSON.parse(text(item['request'])))['action'])] = did;
  }
  return told;
}

function isJson(candidate: string): boolean {
  try {
    JSON.parse(candidate);
    return true;
  } catch {
    return false;
  }
}

/** Our files lie in a private folder inside of the system's temporary one. */
function withPlaceholders(content: string, node: TestNode): string {
  const temporary = node.context.platform.host.tempDirectory.replace(/\/+$/, '');
  return content
    .replaceAll(/\/[^"\s]*\/choria-agent-[A-Za-z0-9]+\/(request|reply|facts)[0-9a-f]+/g, '{TMP}/$1{RANDOM}')
    .replaceAll(`"${temporary}"`, '"{TMP}"')
    .replaceAll(JSON.stringify(process.env['PATH'] ?? ''), '"{PATH}"');
}

function recorded(node: TestNode): Fields {
  return fields(JSON.parse(withPlaceholders(JSON.stringify(node.lastRecord()), node)));
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' && isJson(value) ? JSON.parse(value) : value;
}

const compared = ['argv', 'env', 'cwd', 'stdin_is_dev_null', 'reply_before', 'files'] as const;

function judgeRecord(name: string, item: Fields, record: Fields): CaseResult {
  const pick = (from: Fields): unknown => ({
    ...Object.fromEntries(compared.map((key) => [key, from[key]])),
    request: parsed(from['request']),
    facts: parsed(from['facts']),
  });
  return judgeEqual(name, pick(item), pick(record));
}

async function callAsCaptured(item: Fields, node: TestNode): Promise<string | undefined> {
  const request = fields(JSON.parse(text(item['request'])));
  const agent = text(request['agent']);
  const {action, data} = request;
  return node.call({
    agent,
    body: Buffer.from(JSON.stringify({agent, action, data}), 'utf8'),
    requestId: text(request['requestid']),
    senderId: text(request['senderid']),
    callerId: text(request['callerid']),
    collective: text(request['collective']),
    ttlSeconds: Number(request['ttl']),
    sentAtMs: Number(request['msgtime']) * 1000,
  });
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  const cases = caseList(data);
  await using node = await startTestNode({vectorsDirectory, node: 'n1', told: toldReplies(cases)});
  // The last thing that ran when the node started was the question whether the recording agent is active.
  const activation = recorded(node);
  for (const [index, item] of cases.entries()) {
    const request = fields(JSON.parse(text(item['request'])));
    const name =
      `#${index + 1} ${text(item['kind'])} ${typeof request['action'] === 'string' ? request['action'] : ''}`.trim();
    if (item['kind'] === 'activation_request') {
      yield judgeRecord(name, item, activation);
      continue;
    }
    const reply = await callAsCaptured(item, node);
    yield judgeRecord(`${name} call`, item, recorded(node));
    const body = reply === undefined ? null : withPlaceholders(reply, node);
    yield judgeEqual(`${name} reply`, parsed(item['reply']), isFields(parsed(body)) ? parsed(body) : body);
  }
};

export default judge;
