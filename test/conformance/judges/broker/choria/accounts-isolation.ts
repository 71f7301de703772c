/**
 * What crosses between the accounts of a broker with provisioning: each case is published on one connection, and three observers tell what they
 * get: a client that hears everything in the fleet's account, the provisioner, and a node that waits to be provisioned.
 *
 * The captured broker had streams, which the embedded engine has not; where the capture shows that a stream answered a request in the
 * fleet's account, this judge answers it there with the captured words, so that the way back is judged too. What streams said
 * otherwise ("not enabled", acknowledgements to whoever published) is left out. Messages are compared as sets: connections of the capture had
 * one or two subscriptions that match.
 */
import {createPublicKey} from 'node:crypto';
import {createBrokerAuthenticator} from '../../../../../src/broker/index.ts';
import {accountExports} from '../../../../../src/broker/authentication/accounts.ts';
import {parseSeed, signEd25519} from '../../../../../src/crypto/index.ts';
import {startTestBroker, type TestBroker, testTlsMaterial} from '../../../../support/broker.ts';
import {RawClient} from '../../../../support/raw-client.ts';
import {type CaseResult, judgeEqual, type JudgeInput} from '../../../judge.ts';
import {captureTimeMs, type KeysFile, readKeys} from './_tokens.ts';

interface Message {
  readonly subject: string;
  readonly reply: string | null;
  readonly data: string;
}

interface IsolationCase {
  readonly sent: string;
  readonly received: Readonly<Record<string, readonly (Message | string)[]>>;
}

const observers = ['choria(orgadmin)', 'provisioning(provisioner)', 'provisioning(node)'] as const;
type Observer = (typeof observers)[number];

const password = 'pr0v';

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const keys = readKeys(input.vectorsDirectory) as KeysFile & {readonly prov_rsa_signer_cert: string};
  const results: CaseResult[] = [];
  for (const [name, item] of Object.entries(input.data as Readonly<Record<string, IsolationCase>>)) {
    await using broker = await startIsolated(keys);
    results.push(await judgeCase(name, item, {broker, keys}));
  }
  return results;
}

function startIsolated(keys: KeysFile & {readonly prov_rsa_signer_cert: string}): Promise<TestBroker> {
  return startTestBroker({
    tls: {material: testTlsMaterial('broker'), clientCertificates: 'if-given'},
    accounts: ['choria', 'system', 'provisioning'],
    systemAccount: 'system',
    exports: accountExports,
    mappings: [{account: 'choria', source: 'map.in.*', destination: 'map.out.$1'}],
    authenticator: createBrokerAuthenticator({
      clock: {nowMs: () => captureTimeMs(keys)},
      issuers: {[keys.issuer.name]: Buffer.from(keys.issuer.public, 'hex')},
      provisioning: {password, signer: createPublicKey(keys.prov_rsa_signer_cert)},
    }),
  });
}

async function judgeCase(
  name: string,
  item: IsolationCase,
  {broker, keys}: {readonly broker: TestBroker; readonly keys: KeysFile},
): Promise<CaseResult> {
  const clients: Record<Observer, RawClient> = {
    'choria(orgadmin)': await join({broker, keys, token: 'orgadmin', user: undefined}),
    'provisioning(provisioner)': await join({broker, keys, token: 'provisioner', user: 'provisioner'}),
    'provisioning(node)': await join({broker, keys, token: 'prov', user: undefined}),
  };
  try {
    clients['choria(orgadmin)'].send('SUB > 1\r\n');
    clients['provisioning(provisioner)'].send('SUB > 1\r\n');
    for (const subject of ['provisioning.node.>', 'provisioning.broadcast.agent.discovery']) {
      clients['provisioning(node)'].send(`SUB ${subject} ${subject.length}\r\n`);
    }
    await settle(clients);
    clients[senderOf(name)].send(item.sent);
    await settle(clients);
    answerAsStream(clients['choria(orgadmin)'], item);
    await settle(clients);
    const got: Record<string, unknown> = {};
    const wanted: Record<string, unknown> = {};
    for (const observer of observers) {
      got[observer] = normal(readMessages(clients[observer].take()), item);
      wanted[observer] = normal(item.received[observer] ?? [], item);
    }
    return judgeEqual(name, wanted, got);
  } finally {
    for (const client of Object.values(clients)) client.close();
  }
}

/** The account is in the name of the case, at its beginning or as the place of a mapping. */
function senderOf(name: string): Observer {
  if (name.startsWith('node')) return 'provisioning(node)';
  return /^provisioner|provisioning account/.test(name) ? 'provisioning(provisioner)' : 'choria(orgadmin)';
}

async function join(who: {
  readonly broker: TestBroker;
  readonly keys: KeysFile;
  readonly token: string;
  readonly user: string | undefined;
}): Promise<RawClient> {
  const {broker, keys, user} = who;
  const token = keys.tokens[who.token];
  if (token === undefined) throw new Error(`keys.json has no token "${who.token}"`);
  const client = await RawClient.connect(broker);
  await client.until((item) => item.received.includes('\r\n'));
  const info = JSON.parse(client.take().slice('INFO '.length)) as {readonly nonce?: string};
  await client.stream.startTlsClient({material: {}, serverName: '127.0.0.1', verify: false, timeoutMs: 5000});
  client.listen();
  const fields = {
    verbose: false,
    pedantic: false,
    auth_token: token.jwt,
    ...(token.seed === undefined
      ? {}
      : {sig: signEd25519(parseSeed(token.seed), Buffer.from(info.nonce ?? '')).toString('base64url')}),
    ...(user === undefined ? {} : {user, pass: password}),
  };
  client.send(`CONNECT ${JSON.stringify(fields)}\r\nPING\r\n`);
  await client.until((item) => item.received.includes('PONG') || item.isClosed);
  client.take();
  return client;
}

/** Everything sent so far was handled, and what it caused has come: each connection is asked twice, in turn. */
async function settle(clients: Readonly<Record<string, RawClient>>): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) {
    for (const client of Object.values(clients)) {
      const before = client.received.split('PONG\r\n').length;
      client.send('PING\r\n');
      await client.until((item) => item.received.split('PONG\r\n').length > before || item.isClosed);
    }
  }
}

/** Plays the streams of the fleet's account: gives the captured answer to the request that came through. */
function answerAsStream(client: RawClient, item: IsolationCase): void {
  const captured = (item.received['choria(orgadmin)'] ?? []).filter((entry) => typeof entry !== 'string');
  const answer = captured.find(({subject, data}) => subject.startsWith('_R_.') && isFromStream(data));
  const request = readMessages(client.received).find(
    (entry) => typeof entry !== 'string' && entry.reply?.startsWith('_R_.'),
  );
  if (answer === undefined || request === undefined || typeof request === 'string') return;
  client.send(`PUB ${request.reply} ${Buffer.byteLength(answer.data)}\r\n${answer.data}\r\n`);
}

function isFromStream(data: string): boolean {
  return /^\{"(type":"io\.nats\.jetstream|stream":)/.test(data);
}

function readMessages(text: string): readonly (Message | string)[] {
  const seen: (Message | string)[] = [];
  let rest = text;
  for (;;) {
    const line = /^([^\r\n]*)\r\n/.exec(rest)?.[1];
    if (line === undefined) return seen;
    rest = rest.slice(line.length + 2);
    if (line.startsWith('-ERR')) seen.push(line);
    if (!line.startsWith('MSG ')) continue;
    const words = line.split(' ');
    const size = Number(words.at(-1));
    seen.push({
      subject: words[1] ?? '',
      reply: words.length === 5 ? (words[3] ?? null) : null,
      data: rest.slice(0, size),
    });
    rest = rest.slice(size + 2);
  }
}

/** As a set, with one name for every made-up reply subject; without what only streams say to the one who asked them. */
function normal(entries: readonly (Message | string)[], item: IsolationCase): readonly string[] {
  const isAnswered = (item.received['choria(orgadmin)'] ?? []).some(
    (entry) => typeof entry !== 'string' && entry.subject.startsWith('_R_.') && isFromStream(entry.data),
  );
  const hide = (text: string | null): string | null => (text?.startsWith('_R_.') ? '_R_' : text);
  return [
    ...new Set(
      entries
        .filter((entry) => typeof entry === 'string' || !isFromStream(entry.data) || isAnswered)
        .map((entry) =>
          typeof entry === 'string'
            ? entry.trim()
            : JSON.stringify([hide(entry.subject), hide(entry.reply), entry.data]),
        ),
    ),
  ].sort();
}
