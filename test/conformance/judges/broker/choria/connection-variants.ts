/**
 * Starts a broker with the configuration and flags of each variant and tries every kind of connection on it: whether it starts, who gets in, with
 * which error, into which account, and what a probe of subjects may do.
 *
 * A connection is made by its description: its words say which certificate, user, password and token it has, and how the nonce is signed.
 * The name under which a certificate is known is not compared: the reference shows what CONNECT says, ours what the certificate says.
 */
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {type RunningBroker, startBroker} from '../../../../../src/broker/index.ts';
import {configFromEntries} from '../../../../../src/config/index.ts';
import {parseSeed, signEd25519} from '../../../../../src/crypto/index.ts';
import {ChoriaError, errorMessage} from '../../../../../src/lib/errors.ts';
import {silentLogger} from '../../../../../src/lib/logger.ts';
import {createNodePlatform} from '../../../../../src/lib/node-platform.ts';
import type {Platform} from '../../../../../src/lib/platform.ts';
import {RawClient} from '../../../../support/raw-client.ts';
import {canonical, type CaseResult, judgeEqual, type JudgeInput} from '../../../judge.ts';
import {captureTimeMs, type KeysFile, readKeys} from './_tokens.ts';

interface Rules {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

interface Attempt {
  readonly connection: string;
  readonly accepted: boolean;
  readonly error: string | null;
  readonly account: string | null;
  readonly user_info?: {readonly permissions?: {readonly publish?: Rules; readonly subscribe?: Rules}} | null;
  readonly probe?: {
    readonly subscribe: Readonly<Record<string, boolean>>;
    readonly publish: Readonly<Record<string, boolean>>;
  };
}

interface Variant {
  readonly variant: string;
  readonly config: readonly string[];
  readonly args: readonly string[];
  readonly started: boolean;
  readonly attempts: readonly Attempt[];
}

interface Support {
  readonly keys: KeysFile & {
    readonly other_issuer?: {readonly seed: string};
    readonly prov_rsa_signer_cert?: string;
  };
  readonly certificates: Readonly<Record<string, string>>;
  readonly directory: string;
}

const systemPassword = 's3cret';
const provisionerPassword = 'pr0v';

export default async function* judge(input: JudgeInput): AsyncIterable<CaseResult> {
  const {variants} = input.data as {readonly variants: readonly Variant[]};
  const folder = join(input.vectorsDirectory, 'broker', 'choria');
  const certificates = JSON.parse(await readFile(join(folder, 'certs.json'), 'utf8')) as Record<string, string>;
  const directory = await mkdtemp(join(tmpdir(), 'choria-variants-'));
  try {
    const support: Support = {keys: readKeys(input.vectorsDirectory), certificates, directory};
    await writeSupport(support);
    for (const variant of variants) yield* judgeVariant(variant, support);
  } finally {
    await rm(directory, {recursive: true, force: true});
  }
}

/** Every file that a configuration may name, under its last name. */
async function writeSupport({keys, certificates, directory}: Support): Promise<void> {
  const write = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text, {mode: 0o600});
  for (const [name, text] of Object.entries(certificates)) await write(name, text);
  for (const [name, {jwt, seed}] of Object.entries(keys.tokens)) {
    await write(`${name}.jwt`, jwt);
    if (seed !== undefined) await write(`${name}.seed`, seed);
  }
  await write('prov-signer.pem', keys.prov_rsa_signer_cert ?? '');
}

async function* judgeVariant(variant: Variant, support: Support): AsyncIterable<CaseResult> {
  let broker: RunningBroker | undefined;
  let problem = '';
  // Just after the tokens were made, whenever this runs.
  const platform = at(createNodePlatform(), captureTimeMs(support.keys));
  try {
    broker = await start(variant, {support, platform});
  } catch (error) {
    if (!(error instanceof ChoriaError)) throw error;
    problem = errorMessage(error);
  }
  const isRight = variant.started === (broker !== undefined);
  yield {
    name: variant.variant,
    passed: isRight,
    ...(isRight ? {} : {expected: `started: ${variant.started}`, got: problem || 'it started'}),
  };
  if (broker === undefined) return;
  try {
    for (const attempt of variant.attempts) {
      const name = `${variant.variant}/${attempt.connection}`;
      const shape = expectedShape(attempt);
      yield judgeEqual(name, shape, await tryConnection(attempt, {broker, support, platform}));
    }
  } finally {
    await broker.stop();
  }
}

function at(platform: Platform, nowMs: number): Platform {
  const startMs = platform.clock.monotonicMs();
  const {clock} = platform;
  return {
    ...platform,
    clock: {
      nowMs: () => nowMs + clock.monotonicMs() - startMs,
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (action, delayMs, options) => clock.setTimer(action, delayMs, options),
    },
  };
}

async function start(
  variant: Variant,
  {support, platform}: {readonly support: Support; readonly platform: Platform},
): Promise<RunningBroker> {
  const entries: Record<string, string> = {
    identity: 'broker.example.net',
    'plugin.choria.broker_network': 'true',
    'plugin.choria.network.listen_address': '127.0.0.1',
    'plugin.choria.network.client_port': '0',
    'plugin.choria.network.system.user': 'system',
    'plugin.choria.network.system.password': systemPassword,
  };
  for (const line of variant.config) {
    const place = line.indexOf('=');
    const value = line.slice(place + 1).trim();
    entries[line.slice(0, place).trim()] = value.startsWith('/') ? join(support.directory, basename(value)) : value;
  }
  const config = await configFromEntries(entries, {platform, mode: 'server'});
  return startBroker({
    config,
    platform,
    logger: silentLogger,
    insecure: {
      tls: !variant.args.includes('--disable-tls'),
      verifyTls: !variant.args.includes('--disable-ssl-verification'),
    },
  });
}

/** What a description says of a connection. */
interface Described {
  readonly isPlain: boolean;
  readonly certificate: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly isInJwtOnly: boolean;
  readonly signing: 'right' | 'none' | 'another key' | 'wrong nonce';
}

function describe(text: string): Described {
  const has = (pattern: RegExp): boolean => pattern.test(text);
  const isSystem = has(/system user/);
  const isProvisioner = has(/(^|mTLS |TCP |certificate |")(user ")?provisioner\b/);
  const isWrong = has(/wrong password|bad password/);
  const password = isSystem ? systemPassword : provisionerPassword;
  return {
    isPlain: has(/^plain TCP/),
    certificate: has(/foreign (CA|certificate)|other CA/) ? 'evil' : has(/mTLS/) ? 'rip.mcollective' : undefined,
    user: isSystem ? 'system' : isProvisioner ? 'provisioner' : has(/user\/pass/) ? 'fred' : undefined,
    password: isSystem || isProvisioner ? (has(/empty password/) ? '' : isWrong ? 'wrong' : password) : 'secret',
    token: tokenName(has),
    isInJwtOnly: has(/only in CONNECT jwt/),
    signing: has(/no signature|unsigned|not signed/i)
      ? 'none'
      : has(/another key/)
        ? 'another key'
        : has(/wrong nonce/)
          ? 'wrong nonce'
          : 'right',
  };
}

function tokenName(has: (pattern: RegExp) => boolean): string | undefined {
  const table: readonly (readonly [RegExp, string])[] = [
    [/no token|no JWT/, ''],
    [/garbage/, 'garbage'],
    [/provisioning JWT.*RSA/, 'prov-rsa'],
    [/provisioning JWT.*unknown ou/, 'prov-acme'],
    [/provisioning JWT/, 'prov'],
    [/expired/, 'expired'],
    [/foreign client/, 'foreign'],
    [/server JWT/, 'server1'],
    [/unknown issuer/, 'streamuser-acme'],
    [/chain/, 'chained'],
    [/with(out)? system_?user|without system permission/, 'plain'],
    [/org_admin/, 'orgadmin'],
    [/system JWT/, 'sysuser'],
    [/without provisioner permission/, 'fleet'],
    [/provisioner permission/, 'provisioner'],
    [/JWT|token/, 'fleet'],
  ];
  if (has(/with system_?user permission/)) return 'sysuser';
  const found = table.find(([pattern]) => has(pattern))?.[1];
  return found === '' ? undefined : found;
}

function connectFields(described: Described, nonce: string, keys: Support['keys']): Record<string, unknown> {
  const token = described.token === undefined ? undefined : keys.tokens[described.token];
  const jwt = token?.jwt ?? (described.token === 'garbage' ? 'not-a-token' : undefined);
  const seed = described.signing === 'another key' ? keys.tokens['plain']?.seed : token?.seed;
  const text = described.signing === 'wrong nonce' ? `${nonce}x` : nonce;
  const isSigned = seed !== undefined && nonce !== '' && described.signing !== 'none';
  return {
    verbose: false,
    pedantic: false,
    protocol: 1,
    ...(described.user === undefined ? {} : {user: described.user, pass: described.password}),
    ...(jwt === undefined ? {} : described.isInJwtOnly ? {jwt} : {auth_token: jwt, jwt}),
    ...(isSigned ? {sig: signEd25519(parseSeed(seed), Buffer.from(text)).toString('base64url')} : {}),
  };
}

async function tryConnection(
  attempt: Attempt,
  {broker, support, platform}: {readonly broker: RunningBroker; readonly support: Support; readonly platform: Platform},
): Promise<unknown> {
  const {certificates, keys} = support;
  const described = describe(attempt.connection);
  const client = await RawClient.connect({host: '127.0.0.1', port: broker.port}, platform);
  try {
    await client.until((item) => item.received.includes('\r\n') || item.isClosed);
    const info = JSON.parse(client.take().slice('INFO '.length)) as {readonly nonce?: string};
    if (!described.isPlain) {
      await client.stream.startTlsClient({
        material: {
          caPem: certificates['ca.pem'] ?? '',
          ...(described.certificate === undefined
            ? {}
            : {
                certificatePem: certificates[`${described.certificate}.pem`] ?? '',
                keyPem: certificates[`${described.certificate}.key`] ?? '',
              }),
        },
        serverName: '127.0.0.1',
        verify: false,
        timeoutMs: 5000,
      });
      client.listen();
    }
    client.send(`CONNECT ${JSON.stringify(connectFields(described, info.nonce ?? '', keys))}\r\nPING\r\n`);
    await client.until((item) => item.isClosed || /connect_info[^\n]*\n/.test(item.received));
    const answer = client.take();
    const error = /-ERR '([^']*)'/.exec(answer)?.[1] ?? null;
    if (error !== null || client.isClosed) return {accepted: false, error};
    const told = JSON.parse(/INFO (\{.*"connect_info".*\})/.exec(answer)?.[1] ?? '{}') as Record<string, unknown>;
    return {
      accepted: true,
      account: told['remote_account'],
      ...(attempt.user_info ? {permissions: await readPermissions(client)} : {}),
      ...(attempt.probe === undefined ? {} : {probe: await probe(client, attempt.probe)}),
    };
  } finally {
    client.close();
  }
}

async function readPermissions(client: RawClient): Promise<unknown> {
  client.send('SUB _INBOX.info 1\r\nPUB $SYS.REQ.USER.INFO _INBOX.info 0\r\n\r\nPING\r\n');
  await client.until(
    (item) => /MSG _INBOX\.info[^]*\r\n\{[^\n]*\}\r\n/.test(item.received) || /-ERR/.test(item.received),
  );
  const answer = client.take();
  const text = /\r\n(\{[^\n]*\})\r\n/.exec(answer)?.[1];
  if (text === undefined) return answer;
  const {data} = JSON.parse(text) as {readonly data: NonNullable<Attempt['user_info']>};
  return ruleSets(data);
}

function ruleSets(info: NonNullable<Attempt['user_info']>): unknown {
  const sets = (rules: Rules | undefined): unknown => [
    [...new Set(rules?.allow ?? [])].sort(),
    [...new Set(rules?.deny ?? [])].sort(),
  ];
  return [sets(info.permissions?.publish), sets(info.permissions?.subscribe)];
}

/** Each subject by itself, so that every refusal has its subject. */
async function probe(client: RawClient, wanted: NonNullable<Attempt['probe']>): Promise<unknown> {
  const result: Record<string, Record<string, boolean>> = {subscribe: {}, publish: {}};
  client.send('PING\r\n');
  await client.until((item) => item.received.includes('PONG'));
  client.take();
  let sid = 100;
  for (const subject of Object.keys(wanted.subscribe)) client.send(`SUB ${subject} ${(sid += 1)}\r\nUNSUB ${sid}\r\n`);
  for (const subject of Object.keys(wanted.publish)) client.send(`PUB ${subject} 0\r\n\r\n`);
  client.send('PING\r\n');
  await client.until((item) => item.received.includes('PONG\r\n') || item.isClosed);
  const answer = client.take();
  for (const subject of Object.keys(wanted.subscribe)) {
    (result['subscribe'] ?? {})[subject] = !answer.includes(`Violation for Subscription to "${subject}"`);
  }
  for (const subject of Object.keys(wanted.publish)) {
    (result['publish'] ?? {})[subject] = !answer.includes(`Violation for Publish to "${subject}"`);
  }
  return canonical(result);
}

function expectedShape(attempt: Attempt): unknown {
  if (!attempt.accepted) return {accepted: false, error: attempt.error};
  return {
    accepted: true,
    account: attempt.account,
    ...(attempt.user_info ? {permissions: ruleSets(attempt.user_info)} : {}),
    ...(attempt.probe === undefined ? {} : {probe: canonical(attempt.probe)}),
  };
}
