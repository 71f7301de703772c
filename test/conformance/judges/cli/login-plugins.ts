/**
 * Judges the login against a service of the kind that each case names, in the order of the file: the questions, the last word, the request
 * (whose signature is checked with the key it carries) and the files left. The lists of plugins run in the order of the file too, with the
 * keys of `jwt-files.json`: what is said, the list that is left, and what is packed, byte by byte.
 */
import {createPublicKey, verify} from 'node:crypto';
import {existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type CliTestResult, runCliForTest} from '../../../support/cli.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';
import {compareRun} from './_compare.ts';
import {alignMessages} from './_messages.ts';

interface LoginBody {
  readonly username: string;
  readonly password: string;
  readonly public_key: string;
  readonly signature: string;
  readonly timestamp: string;
}

interface LoginRequest {
  readonly path: string;
  readonly content_type: string;
  readonly body: LoginBody;
}

interface LoginCase {
  readonly name: string;
  readonly argv: readonly string[];
  readonly tty?: {readonly cols: number; readonly rows: number};
  readonly typed?: readonly string[];
  readonly server_answers?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly output?: string;
  readonly exit: number;
  readonly http_requests?: readonly LoginRequest[];
  readonly token_file?: string;
  readonly files?: readonly string[];
  /** The list of plugins after the command. */
  readonly manifest?: unknown;
}

/** What the service of the transcripts answered, by the name in `server_answers`. */
function answerOf(kind: string, text: string): {readonly status: number; readonly body: string} {
  switch (kind) {
    case 'ok':
      return {status: 200, body: JSON.stringify({token: 'TOKEN.TOKEN.TOKEN'})};
    case 'notoken':
      return {status: 200, body: '{}'};
    case 'error':
      return {
        status: 200,
        body: JSON.stringify({error: /Could not run Choria: (.*?) *$/m.exec(text)?.[1] ?? 'Login failed'}),
      };
    default: {
      const match = /invalid response code (\d+): (.*?) *$/m.exec(text);
      return {status: Number(match?.[1] ?? 500), body: match?.[2] ?? ''};
    }
  }
}

/** Without what moves the cursor: a question with its answer stands once, whatever was drawn before. */
function plain(text: string): readonly string[] {
  return (
    text
      .replaceAll('\r\n', '\n')
      // eslint-disable-next-line no-control-regex
      .replace(/\u001b(?:\[[0-9;?]*[A-Za-z]|[78])/g, '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
  );
}

function conversation(text: string): unknown {
  const lines = plain(text);
  const asked = lines.flatMap((line) => [...line.matchAll(/\? (\w+):/g)].map((match) => match[1]));
  const last = /(Token saved to .*|FATA\[\d+\] .*|time=.*|Could not .*)$/.exec(lines.at(-1) ?? '')?.[1] ?? lines.at(-1);
  return {asked: [...new Set(asked)], last: last?.replace(/FATA\[\d+\]/, 'FATA[0000]')};
}

const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

function requestProblem(request: LoginRequest): string | undefined {
  const {timestamp, username, password, public_key: key, signature} = request.body;
  if (!/^[0-9a-f]{64}$/.test(key)) return `key ${key}`;
  if (!/^\d+$/.test(timestamp)) return `timestamp ${timestamp}`;
  const publicKey = createPublicKey({
    key: Buffer.concat([ed25519Prefix, Buffer.from(key, 'hex')]),
    format: 'der',
    type: 'spki',
  });
  const signed = Buffer.from(`${timestamp}:${username}:${password}`);
  return verify(null, signed, publicKey, Buffer.from(signature, 'hex'))
    ? undefined
    : 'a signature that does not verify';
}

function folded(requests: readonly LoginRequest[]): unknown {
  return requests.map(({body, ...rest}) => ({
    ...rest,
    body: {...body, public_key: '<key>', signature: '<signature>', timestamp: '<unix>'},
  }));
}

async function runLogin(
  item: LoginCase,
  root: string,
): Promise<{readonly result: CliTestResult; readonly requests: readonly LoginRequest[]}> {
  const requests: LoginRequest[] = [];
  const {status, body} = answerOf(item.server_answers ?? 'ok', plain(item.output ?? item.stdout ?? '').join('\n'));
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const type = (request.headers['content-type'] ?? '').split(';')[0] ?? '';
      requests.push({path: request.url ?? '', content_type: type, body: JSON.parse(text) as LoginBody});
      response.writeHead(status, {'content-type': 'application/json'}).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const {port} = server.address() as AddressInfo;
    const path = item.http_requests?.[0]?.path ?? '/choria/v1/login';
    writeFileSync(
      join(root, 'client.conf'),
      [
        'plugin.security.provider = choria',
        'plugin.security.choria.token_file = /scratch/login/client.jwt',
        'plugin.security.choria.seed_file = /scratch/login/client.key',
        `plugin.login.aaasvc.login.url = http://127.0.0.1:${port}${path}`,
        '',
      ].join('\n'),
    );
    const {argv, tty, typed} = item;
    const result = await runCliForTest({
      argv: [...argv, '--config', '/scratch/client.conf'],
      mounts: [{virtual: '/scratch', real: root}],
      ...(tty === undefined ? {} : {tty}),
      ...(typed === undefined ? {} : {typed}),
    });
    return {result, requests};
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function judgeLogin(item: LoginCase, root: string): Promise<CaseResult> {
  const {result, requests} = await runLogin(item, root);
  const problem = requests.map(requestProblem).find((found) => found !== undefined);
  if (problem !== undefined) return {name: item.name, passed: false, expected: 'a request that verifies', got: problem};
  const shown = result.output === '' ? `${result.stdout}${result.stderr}` : result.output;
  const secret = item.typed?.[1]?.trim() ?? '';
  if (secret !== '' && shown.includes(secret)) return {name: item.name, passed: false, expected: 'stars', got: shown};
  const folder = join(root, 'login');
  const token = join(folder, 'client.jwt');
  const expected = {
    exit: item.exit,
    said: conversation(item.output ?? `${item.stdout ?? ''}${item.stderr ?? ''}`),
    requests: folded(item.http_requests ?? []),
    token: item.token_file ?? null,
    files: item.files ?? [],
  };
  return judgeEqual(item.name, expected, {
    exit: result.exit,
    said: conversation(shown),
    requests: folded(requests),
    token: item.token_file !== undefined && existsSync(token) ? readFileSync(token, 'utf8').trim() : null,
    files: item.files === undefined ? [] : readdirSync(folder).toSorted(),
  });
}

async function judgePlugins(item: LoginCase, root: string): Promise<CaseResult> {
  const {argv} = item;
  const result = await runCliForTest({argv, mounts: [{virtual: '/scratch', real: root}]});
  const aligned = {
    ...result,
    stdout: alignMessages(item.stdout ?? '', result.stdout),
    stderr: alignMessages(item.stderr ?? '', result.stderr),
  };
  const compared = compareRun(item, aligned);
  if (!compared.passed || item.manifest === undefined) return compared;
  const path = argv[argv.indexOf('--manifest') + 1]?.replace(/^\/scratch/, root) ?? '';
  const got = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as unknown) : null;
  // The order of the fields counts: what is signed are the bytes.
  return judgeEqual(item.name, JSON.stringify(item.manifest), JSON.stringify(got));
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  const root = mkdtempSync(join(tmpdir(), 'choria-login-'));
  for (const folder of ['login', 'jwt', 'mp']) mkdirSync(join(root, folder));
  try {
    const keys = JSON.parse(readFileSync(join(vectorsDirectory, 'cli', 'jwt-files.json'), 'utf8')) as object;
    for (const [name, text] of Object.entries(keys)) writeFileSync(join(root, 'jwt', name), String(text));
    writeFileSync(join(root, 'mp', 'facts.json'), '{"country":"mt"}');
    for (const item of data as readonly LoginCase[]) {
      yield item.argv[1] === 'login' ? await judgeLogin(item, root) : await judgePlugins(item, root);
    }
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
};

export default judge;
