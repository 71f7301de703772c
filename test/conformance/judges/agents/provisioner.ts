/**
 * Whole conversations of the provisioner: what it publishes, in which order, and what its helper is given. The node is played with the
 * answers of the file; where an answer must prove something (a token, a signature), the proof is made anew with keys of this run.
 */
import {generateKeyPairSync, randomBytes} from 'node:crypto';
import {mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {configFromEntries} from '../../../../src/config/index.ts';
import {
  createUnsignedProvider,
  decodeToken,
  ed25519PublicFromSeed,
  signEd25519,
  signToken,
} from '../../../../src/crypto/index.ts';
import {silentLogger} from '../../../../src/lib/logger.ts';
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import type {Platform} from '../../../../src/lib/platform.ts';
import {
  createReply,
  encodeReplyTransport,
  filterToWire,
  openRequest,
  openTransport,
  type Request,
} from '../../../../src/protocol/index.ts';
import {createProvisioner, parseProvisionerSettings, type Provisioner} from '../../../../src/provisioner/index.ts';
import {HandHeldConnection} from '../../../support/test-server.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, fields, isFields, text, type Fields} from './_cases.ts';

interface Step {
  readonly subject: string;
  readonly protocol?: string;
  readonly agent?: string;
  readonly filter?: unknown;
  readonly message?: unknown;
  readonly event?: unknown;
}

/** Steps that the provisioner makes; the rest are the node's. */
function isOurs(step: Fields): boolean {
  return step['protocol'] === 'choria:request:1'
    ? step['agent'] !== 'registration'
    : text(step['subject']).endsWith('.provisioner');
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return message;
  }
}

/** Texts that hold JSON compare as values, and what is new in each run by its shape. */
function normal(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => normal(item, key));
  if (isFields(value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, normal(item, name)]));
  if (key === 'nonce' && typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return '(nonce)';
  if (key === 'config' && typeof value === 'string') return parsed(value);
  if (key === 'server_jwt' && typeof value === 'string' && value !== '') return tokenShape(value);
  if (['id', 'timestamp', 'version'].includes(key)) return `(${typeof value})`;
  return value;
}

function tokenShape(token: string): unknown {
  const {claims} = decodeToken(token);
  const {exp, iat, nbf, jti, public_key: key, ...rest} = claims;
  return {
    ...rest,
    life: Number(exp) - Number(iat),
    starts: Number(nbf) - Number(iat),
    jti: typeof jti,
    key: typeof key,
  };
}

function expectedStep(step: Fields): Step {
  const subject = text(step['subject']);
  if (typeof step['event'] === 'string') return {subject, event: normal(JSON.parse(step['event']))};
  const message = normal(parsed(text(step['message'])));
  return {subject, protocol: text(step['protocol']), agent: text(step['agent']), filter: step['filter'], message};
}

class Scene {
  readonly steps: Step[] = [];
  readonly connection = new HandHeldConnection();
  readonly #item: Fields;
  readonly #token: string;
  readonly #seed = randomBytes(32);
  readonly #provider = createUnsignedProvider({certname: 'anybody'});
  readonly #nowMs: () => number;

  constructor(item: Fields, options: {readonly token: string; readonly nowMs: () => number}) {
    this.#item = item;
    this.#token = options.token;
    this.#nowMs = options.nowMs;
    this.connection.onPublish = () => this.#published();
  }

  get publicKey(): string {
    return ed25519PublicFromSeed(this.#seed).toString('hex');
  }

  #published(): void {
    const last = this.connection.published.at(-1);
    if (last === undefined) return;
    if (last.subject.startsWith('choria.lifecycle.')) {
      this.steps.push({subject: last.subject, event: normal(JSON.parse(last.payload.toString('utf8')))});
      return;
    }
    const transport = openTransport(last.payload);
    const {request} = openRequest(transport, {provider: this.#provider, nowMs: this.#nowMs()});
    this.steps.push({
      subject: last.subject,
      protocol: 'choria:request:1',
      agent: request.agent,
      filter: filterToWire(request.filter),
      message: normal(parsed(request.body.toString('utf8'))),
    });
    const body = this.#answer(request);
    if (body !== undefined) void this.#reply(last.payload, request, body);
  }

  async #reply(payload: Buffer, request: Request, body: string): Promise<void> {
    const reply = await createReply(request, {
      senderId: this.#identity(),
      body: Buffer.from(body),
      nowMs: this.#nowMs(),
    });
    const sent = encodeReplyTransport(openTransport(payload), {
      payload: reply,
      senderId: this.#identity(),
      connectedServer: 'nats://broker.example.net:4222',
    });
    for (const [subject, {handler}] of this.connection.subjects) {
      if (subject.startsWith('provisioning.reply.')) {
        handler({subject, replyTo: undefined, headers: undefined, payload: sent});
      }
    }
  }

  #identity(): string {
    const asked = (this.#item['steps'] as Fields[]).find((step) =>
      text(step['subject']).startsWith('provisioning.node.'),
    );
    return asked === undefined ? 'vm' : text(asked['subject']).slice('provisioning.node.'.length);
  }

  /** The answer of the file to the same action; silence where it has none. */
  #answer(request: Request): string | undefined {
    const replies = (this.#item['steps'] as Fields[])
      .filter((step) => step['protocol'] === 'choria:reply:1')
      .map(fields);
    if (request.agent === 'discovery')
      return replies.some((step) => step['agent'] === 'discovery') ? 'pong' : undefined;
    const asked = fields(JSON.parse(request.body.toString('utf8')));
    const found = replies.find((step) => {
      const body = parsed(text(step['message']));
      return step['agent'] === request.agent && isFields(body) && body['action'] === asked['action'];
    });
    if (found === undefined) return undefined;
    const body = fields(JSON.parse(text(found['message']).replaceAll('{PROVISIONING_JWT}', this.#token)));
    if (asked['action'] !== 'gen25519') return JSON.stringify(body);
    const signature = signEd25519(this.#seed, Buffer.from(text(fields(asked['data'])['nonce']))).toString('hex');
    return JSON.stringify({...body, data: {...fields(body['data']), public_key: this.publicKey, signature}});
  }
}

async function ended(provisioner: Provisioner): Promise<void> {
  const count = (name: 'provisioned' | 'provision_errors' | 'helper_shutdown_requests'): number =>
    provisioner.metrics.value(name);
  while (count('provisioned') + count('provision_errors') + count('helper_shutdown_requests') === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Whatever would still be sent against the file has its turn.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function helperStdin(value: string, publicKey: string): unknown {
  const input = fields(JSON.parse(value));
  const inventory = typeof input['inventory'] === 'string' ? parsed(input['inventory']) : input['inventory'];
  const key = input['ed25519_pubkey'];
  const proof = isFields(key) ? {...key, public_key: publicKey, signature: '(signature)'} : key;
  return {keys: Object.keys(input), ...input, inventory, ed25519_pubkey: proof};
}

async function runScene(
  item: Fields,
  directory: string,
): Promise<{readonly scene: Scene; readonly stdin: string | undefined}> {
  const steps = (item['steps'] as unknown[]).map(fields);
  const startup = steps.find((step) => text(step['subject']).endsWith('startup.provisioner'));
  const event = startup === undefined ? {} : fields(JSON.parse(text(startup['event'])));
  const real = createNodePlatform();
  const startedMs = real.clock.nowMs();
  const baseMs = Number(event['timestamp'] ?? 1_795_233_362) * 1000;
  const clock = {...real.clock, nowMs: () => baseMs + real.clock.nowMs() - startedMs};
  const platform: Platform = {...real, clock};
  const sent = steps.filter(isOurs).map((step) => parsed(typeof step['message'] === 'string' ? step['message'] : ''));
  const actions = new Set(sent.map((body) => (isFields(body) ? body['action'] : undefined)));
  const shared = sent
    .flatMap((body) => (isFields(body) && isFields(body['data']) ? [body['data']['token']] : []))
    .find(Boolean);
  const claims = typeof item['helper_stdin'] === 'string' ? fields(JSON.parse(item['helper_stdin']))['jwt'] : undefined;
  const usual = {cht: 's3cret', chs: false, chu: 'nats://localhost:4222', chpd: true, purpose: 'choria_provisioning'};
  const issuer = generateKeyPairSync('ed25519');
  const token = signToken(isFields(claims) ? claims : usual, issuer.privateKey);
  const write = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const helper = write('helper.sh', `cat > "${directory}/stdin"\ncat "${directory}/stdout"\n`);
  write('stdout', typeof item['helper_stdout'] === 'string' ? item['helper_stdout'] : '');
  write('stdin', '');
  const verifier = write('verify.pem', issuer.publicKey.export({type: 'spki', format: 'pem'}).toString());
  const signing = write('signing.seed', randomBytes(32).toString('hex'));
  const settings = parseProvisionerSettings(
    JSON.stringify({
      helper: `/bin/sh ${helper}`,
      token: typeof shared === 'string' ? shared : 's3cret',
      choria_insecure: true,
      jwt_verify_cert: verifier,
      jwt_signing_key: signing,
      features: {jwt: actions.has('jwt'), pki: actions.has('gencsr'), ed25519: actions.has('gen25519')},
    }),
    {cpuCount: 1},
  );
  const identity = typeof event['identity'] === 'string' ? event['identity'] : 'rip.mcollective';
  const scene = new Scene(item, {token, nowMs: clock.nowMs});
  const provisioner = await createProvisioner({
    settings,
    config: await configFromEntries({identity}, {platform, mode: 'system'}),
    platform,
    logger: silentLogger,
    connection: scene.connection,
    provider: createUnsignedProvider({certname: identity}),
  });
  await provisioner.start();
  await ended(provisioner);
  await provisioner.stop();
  const stdin = readFileSync(join(directory, 'stdin'), 'utf8');
  return {scene, stdin: stdin === '' ? undefined : stdin};
}

const judge: Judge = async function* ({data}) {
  for (const item of caseList(data)) {
    const mode = text(item['mode']);
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'choria-provisioner-')));
    try {
      const {scene, stdin} = await runScene(item, directory);
      const expected = (item['steps'] as unknown[]).map(fields).filter(isOurs).map(expectedStep);
      for (const [index, step] of expected.entries()) {
        yield judgeEqual(`${mode} step ${index + 1}`, step, scene.steps[index] ?? '(nothing)');
      }
      yield judgeEqual(`${mode} number of steps`, expected.length, scene.steps.length);
      if (typeof item['helper_stdin'] !== 'string') continue;
      yield judgeEqual(
        `${mode} helper`,
        helperStdin(item['helper_stdin'], scene.publicKey),
        stdin === undefined ? '(nothing)' : helperStdin(stdin, scene.publicKey),
      );
    } finally {
      rmSync(directory, {recursive: true, force: true});
    }
  }
};

export default judge;
