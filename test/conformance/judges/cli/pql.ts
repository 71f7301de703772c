/** Judges PuppetDB discovery: the real command line against a PuppetDB of our own on loopback HTTPS that writes down what it was asked. */
import {readFileSync} from 'node:fs';
import type {IncomingMessage, ServerResponse} from 'node:http';
import {createServer, type Server} from 'node:https';
import type {AddressInfo} from 'node:net';
import {join} from 'node:path';
import type {TLSSocket} from 'node:tls';
import type {Lab, LabRunResult} from '../../../support/lab.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {type ClientCase, clientJudge, runInLab} from './_client.ts';

interface PqlCase extends Omit<ClientCase, 'argv'> {
  readonly filters: readonly string[];
  /** The words of the command when it is not `find`. */
  readonly command?: readonly string[];
  readonly pql: string | null;
  readonly http?: {
    readonly method: string;
    readonly raw_path: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly puppetdb_answers?: string;
}

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly hasCertificate: boolean;
}

/** The port that the transcripts' configuration names. */
const configuredPort = 20410;
const configPath = '/scratch/puppetdb.conf';

const names = ['dev1.example.net', 'dev2.example.net'] as const;

function configText(lab: Lab): string {
  const text = readFileSync(join(lab.files.lab, 'client', 'client.conf'), 'utf8');
  return `${text}\nplugin.choria.puppetdb_host = localhost\nplugin.choria.puppetdb_port = ${configuredPort}\n`;
}

function nodes(deactivated: unknown): string {
  return JSON.stringify([
    {certname: names[0], deactivated: null},
    {certname: names[1], deactivated},
  ]);
}

/** The canned answers that `puppetdb_answers` names. */
const answers: Readonly<Record<string, readonly [number, string]>> = {
  '': [200, nodes(null)],
  empty: [200, '[]'],
  deact: [200, nodes('2026-11-20T00:00:00.000Z')],
  deactbool: [200, nodes(true)],
  error: [500, 'simulated failure'],
  fail: [500, 'simulated failure'],
  '500': [500, 'simulated failure'],
  garbage: [200, 'no json'],
};

interface FakePuppetDb {
  readonly server: Server;
  readonly port: number;
  readonly seen: Seen[];
}

async function startPuppetDb(lab: Lab, mode: string): Promise<FakePuppetDb> {
  const pem = (name: string): Buffer => readFileSync(join(lab.files.lab, 'ssl', name));
  const seen: Seen[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'https://localhost');
    seen.push({
      method: request.method ?? '',
      path: request.url ?? '',
      query: url.searchParams.get('query') ?? '',
      host: request.headers.host ?? '',
      hasCertificate: (request.socket as TLSSocket).authorized,
    });
    const [status, body] = answers[mode] ?? [500, ''];
    response.writeHead(status, {'content-type': 'application/json'}).end(body);
  };
  const server = createServer(
    {
      cert: pem('broker.example.net.pem'),
      key: pem('broker.example.net.key'),
      ca: pem('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    answer,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {server, port: (server.address() as AddressInfo).port, seen};
}

function problemOf(item: PqlCase, seen: readonly Seen[]): string | undefined {
  if (item.pql === null) return seen.length === 0 ? undefined : `PuppetDB was asked ${JSON.stringify(seen)}`;
  const [request] = seen;
  if (request === undefined || seen.length > 1) return `PuppetDB was asked ${seen.length} times`;
  if (!request.hasCertificate) return 'the request came without a certificate';
  if (request.query !== item.pql) return `the query ${request.query}`;
  const {http} = item;
  if (http === undefined) return undefined;
  if (request.method !== http.method) return `the method ${request.method}`;
  if (request.path !== http.raw_path) return `the path ${request.path}`;
  return request.host === http.headers['Host'] ? undefined : `the host ${request.host}`;
}

/**
 * What PuppetDB really answers for a node that was deactivated makes the reference fail; client.md 2.2 says that it counts as
 * deactivated.
 */
const timestampResult = {stdout: `${names[0]}\n`, exit: 0} as const;

/** A connection that is refused is told in the words of the operating system and of the HTTP client. */
function alignRefusal(item: ClientCase, result: LabRunResult): LabRunResult {
  const [wanted, found] = [item.stdout ?? '', result.stdout];
  const saysWhere = found.includes(`localhost:${configuredPort}`) && found.includes('ECONNREFUSED');
  return wanted.includes('connection refused') && saysWhere ? {...result, stdout: wanted} : result;
}

const judge: Judge = async function* judgePql(input) {
  const cases = (input.data as readonly PqlCase[]).map((item) => ({
    ...item,
    argv: ['choria', ...(item.command ?? ['find']), ...item.filters, '--dm', 'choria', '--config', configPath],
    ...(item.puppetdb_answers === 'deact' ? timestampResult : {}),
  }));
  const records = new Map<string, readonly Seen[]>();
  const run = async (item: PqlCase & ClientCase, lab: Lab): Promise<LabRunResult> => {
    // A port of its own for each case: several run at a time.
    const isDown = item.pql === null && item.exit !== 0 && (item.stdout ?? '').includes('connection refused');
    const fake = await startPuppetDb(lab, item.puppetdb_answers ?? '');
    const stop = (): Promise<void> => new Promise((resolve) => void fake.server.close(() => resolve()));
    if (isDown) await stop();
    try {
      return await runInLab(item, lab, {
        files: {[configPath]: configText(lab)},
        ports: new Map([...lab.ports, [configuredPort, fake.port]]),
      });
    } finally {
      records.set(item.name, [...fake.seen]);
      fake.server.closeAllConnections();
      if (!isDown) await stop();
    }
  };
  const check = (item: PqlCase & ClientCase): string | undefined => problemOf(item, records.get(item.name) ?? []);
  const results = clientJudge({run, check, adjust: alignRefusal})({...input, data: cases}) as AsyncIterable<CaseResult>;
  yield* results;
};

export default judge;
