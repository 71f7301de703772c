/**
 * The agent `choria_provision` and what a node answers beside it, on a machine with a provisioning token: first while it waits to be
 * configured, then as what it was configured to be. The cases are one story: each finds what those before left.
 *
 * What the file does not say is taken from it: the shared token is the one that was accepted, the facts are those that were told. A case
 * without an answer means that the node was away to restart; the next one with an answer, that it was back. A refused lock means that
 * somebody else asked.
 */
import {createPublicKey} from 'node:crypto';
import {parseCertificateRequest} from '../../../../src/crypto/index.ts';
import {judgeEqual, type CaseResult, type Judge} from '../../judge.ts';
import {caseList, caseName, fields, isFields, text, type Fields} from './_cases.ts';
import {labDirectory, provisioningToken, startUnprovisioned, type UnprovisionedNode} from './_unprovisioned.ts';

const lockRefusal = 'Could not obtain provisioning lock';

function expectedBody(item: Fields): Fields | undefined {
  const replies = item['replies'] as readonly unknown[];
  return replies.length === 0 ? undefined : fields(JSON.parse(text(fields(replies[0])['body'])));
}

function requestData(item: Fields): Fields {
  const body: unknown = JSON.parse(text(item['payload']));
  return isFields(body) && isFields(body['data']) ? body['data'] : {};
}

/** The token of the first request that was let in. */
function sharedToken(items: readonly Fields[]): string {
  const accepted = items.find(
    (item) => expectedBody(item)?.['statuscode'] === 0 && item['agent'] === 'choria_provision',
  );
  return accepted === undefined ? 's3cret' : text(requestData(accepted)['token']);
}

function writtenPath(items: readonly Fields[]): string {
  for (const item of items) {
    const data = expectedBody(item)?.['data'];
    const message = isFields(data) && typeof data['message'] === 'string' ? data['message'] : '';
    const path = /^Wrote [0-9]+ lines to (\S+)$/.exec(message)?.[1];
    if (path !== undefined) return path;
  }
  return 'prov/p1/server.conf';
}

function toldFacts(items: readonly Fields[]): unknown {
  for (const item of items) {
    const data = expectedBody(item)?.['data'];
    if (item['node'] === 'unprovisioned' && isFields(data) && isFields(data['facts'])) return data['facts'];
  }
  return {};
}

/** What differs from run to run, by its shape; a value of another shape stays as it is and is seen. */
function shape(value: unknown, key: string, token: string): unknown {
  if (Array.isArray(value)) return value.map((item) => shape(item, key, token));
  if (isFields(value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shape(item, name, token)]));
  if (typeof value !== 'string') return value;
  if (key === 'version') return '(version)';
  if (key === 'jwt' && (value === token || value === '{PROVISIONING_JWT}')) return '(token)';
  if ((key === 'ecdh_public' || key === 'public_key') && /^[0-9a-f]{64}$/.test(value)) return '(key)';
  if (key === 'signature' && /^[0-9a-f]{128}$/.test(value)) return '(signature)';
  if (key === 'csr') return parseCertificateRequest(value).commonName;
  if (key === 'public_key') return createRsa(value);
  if (key === 'directory') return '(directory)';
  return value.replaceAll(`${labDirectory}/`, '').replace(/after [0-9]+s/, 'after Ns');
}

/** PKCS#1 bytes behind a label that says SPKI. */
function createRsa(pem: string): string {
  const key = createPublicKey(
    pem.replaceAll('BEGIN PUBLIC', 'BEGIN RSA PUBLIC').replaceAll('END PUBLIC', 'END RSA PUBLIC'),
  );
  return `(${key.asymmetricKeyType} ${key.asymmetricKeyDetails?.modulusLength})`;
}

async function judgeCase(
  item: Fields,
  name: string,
  options: {node: UnprovisionedNode; token: string},
): Promise<CaseResult> {
  const {node, token} = options;
  const expected = expectedBody(item);
  await (expected === undefined ? node.settle() : bootWhenAway(node));
  const body = await node.call({
    agent: text(item['agent']),
    body: Buffer.from(text(item['payload']), 'utf8'),
    collective: text(item['collective']),
    ...(expected?.['statusmsg'] === lockRefusal ? {callerId: 'choria=another.mcollective'} : {}),
  });
  const got = body === undefined ? '(silence)' : shape(JSON.parse(body), '', token);
  return judgeEqual(name, expected === undefined ? '(silence)' : shape(expected, '', token), got);
}

async function bootWhenAway(node: UnprovisionedNode): Promise<void> {
  if (node.server === undefined) await node.boot();
}

const judge: Judge = async function* ({data}) {
  const items = caseList(data);
  const token = provisioningToken({
    cht: sharedToken(items),
    chs: false,
    chu: 'nats://localhost:4222',
    chpd: true,
    chf: '/lab/facts.json',
    update: true,
    purpose: 'choria_provisioning',
  });
  await using node = await startUnprovisioned({
    token,
    configPath: writtenPath(items),
    config: 'loglevel = info\n',
    files: {'/lab/facts.json': JSON.stringify(toldFacts(items))},
    mounts: ['/etc/choria'],
  });
  await node.boot();
  let lastKind: unknown = 'unprovisioned';
  for (const [index, item] of items.entries()) {
    // The story goes on with the machine as it was configured.
    if (item['node'] !== lastKind) await node.settle();
    lastKind = item['node'];
    yield await judgeCase(item, caseName(item, index), {node, token});
  }
};

export default judge;
