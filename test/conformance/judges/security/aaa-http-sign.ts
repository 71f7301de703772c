/** What the signing service answers over HTTP: the same signature, byte for byte, or the same refusal. */
import {join} from 'node:path';
import {readFile} from 'node:fs/promises';
import {createAaaService, parseSettings} from '../../../../src/aaa/index.ts';
import {decodeToken, issueToken, seedSigner} from '../../../../src/crypto/index.ts';
import {parseJson} from '../../../../src/lib/json.ts';
import {silentLogger} from '../../../../src/lib/logger.ts';
import {decodeRequest} from '../../../../src/protocol/index.ts';
import {createFakePlatform} from '../../../support/fake-platform.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';
import {createJudgeEngine} from './_rego.ts';

interface Exchange {
  readonly name?: string;
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly resbody: string;
  readonly status: number;
}

type Keys = Readonly<Record<string, {readonly public?: string; readonly seed?: string}>>;

const judge: Judge = async ({data, vectorsDirectory}) => {
  const keys = JSON.parse(await readFile(join(vectorsDirectory, 'security', 'keys.json'), 'utf8')) as Keys;
  const {exchanges} = data as {readonly exchanges: readonly Exchange[]};
  const token = signerTokenOf(exchanges) ?? (await makeSignerToken(keys));
  const results: CaseResult[] = [];
  for (const [index, exchange] of exchanges.entries()) {
    results.push(await judgeExchange(exchange, {keys, token, name: exchange.name ?? String(index)}));
  }
  return results;
};

interface Around {
  readonly keys: Keys;
  readonly token: string;
  readonly name: string;
}

async function judgeExchange(exchange: Exchange, {keys, token, name}: Around): Promise<CaseResult> {
  const asked = parseJson(exchange.body) as {readonly token: string; readonly request: string};
  const {claims} = decodeToken(asked.token);
  const {platform, clock} = createFakePlatform({
    files: {'/aaa/signer.seed': keys['aaa-signer']?.seed ?? '', '/aaa/signer.jwt': token},
  });
  await platform.files.writeAtomic('/aaa/signer.seed', keys['aaa-signer']?.seed ?? '', {mode: 0o600});
  clock.setWallClock(decodeRequest(Buffer.from(asked.request, 'base64'), 2).sentAtMs);
  const settings = {
    site: 'london',
    authorizer: typeof claims['opa_policy'] === 'string' ? 'opa' : 'actionlist',
    signer: 'basicjwt',
    basicjwt_signer: {
      signing_certificate: keys['issuer']?.public ?? '',
      signing_token: '/aaa/signer.jwt',
      signing_seed: '/aaa/signer.seed',
      max_validity: '24h',
    },
  };
  const engine = createJudgeEngine();
  try {
    const service = await createAaaService({
      settings: parseSettings(Buffer.from(JSON.stringify(settings)), '/aaa/config.json'),
      platform,
      logger: silentLogger,
      engine,
    });
    const {status, body} = await service.handle({
      method: exchange.method,
      path: exchange.url,
      body: Buffer.from(exchange.body),
      remoteAddress: '127.0.0.1',
    });
    return judgeEqual(
      name,
      {status: exchange.status, answer: open(exchange.resbody)},
      {status, answer: open(Buffer.from(body).toString('utf8'))},
    );
  } finally {
    await engine.close();
  }
}

/** The signed request with its parts side by side, so that a difference names the part. */
function open(text: string): unknown {
  const answer = parseJson(text) as {readonly secure_request?: string};
  return answer.secure_request === undefined ? answer : parseJson(Buffer.from(answer.secure_request, 'base64'));
}

/** The credential of the service in the vectors is known only from what it signed. */
function signerTokenOf(exchanges: readonly Exchange[]): string | undefined {
  for (const {resbody} of exchanges) {
    const {signer} = open(resbody) as {readonly signer?: string};
    if (signer !== undefined) return signer;
  }
  return undefined;
}

/** Where everything is refused, any credential of the service will do. */
function makeSignerToken(keys: Keys): Promise<string> {
  const claims = {callerid: 'aaa_request_signer', ou: 'choria', permissions: {authentication_delegator: true}};
  return issueToken(claims, {
    purpose: 'choria_client_id',
    signer: seedSigner(Buffer.from(keys['issuer']?.seed ?? '', 'hex')),
    nowMs: 0,
    validityMs: Number.MAX_SAFE_INTEGER,
    random: {bytes: (count) => Buffer.alloc(count)},
    publicKey: keys['aaa-signer']?.public ?? '',
  });
}

export default judge;
