/**
 * Enrols against a stub CA that answers as in the vector, and compares what it was asked: methods, addresses, headers that matter, the subject of the
 * request. The vector's own request has to be readable by our own reader.
 */
import {randomBytes} from 'node:crypto';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {enrollWithPuppet} from '../../../../src/connect/index.ts';
import {
  issueCertificate,
  type IssueCertificateOptions,
  issueCertificateAuthority,
  parseCertificateRequest,
} from '../../../../src/crypto/index.ts';
import type {HttpRequest} from '../../../../src/lib/http.ts';
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Captured {
  readonly exchanges: readonly Exchange[];
  readonly certificate_fingerprint_printed?: string;
}

const random = {bytes: (count: number): Buffer => randomBytes(count)};

function textOf(request: HttpRequest | undefined): string {
  return Buffer.from(request?.body ?? '').toString('utf8');
}

function header(request: HttpRequest, name: string): string | undefined {
  const found = Object.entries(request.headers ?? {}).find(([key]) => key.toLowerCase() === name);
  return found?.[1];
}

/** A client of the standard library names itself and sends no content type: that question is not asked as an agent. */
function agentFields(headers: (name: string) => string | undefined): unknown {
  const agent = headers('user-agent');
  return agent?.startsWith('Choria') === true ? [agent, headers('content-type')] : 'plain';
}

async function enroll(captured: Captured): Promise<{readonly asked: readonly HttpRequest[]; readonly printed: string}> {
  const directory = mkdtempSync(join(tmpdir(), 'choria-enroll-'));
  const platform = createNodePlatform();
  const nowMs = platform.clock.nowMs();
  const authority = await issueCertificateAuthority({commonName: 'Puppet CA', nowMs, random, keyKind: 'ec'});
  const certname = /certificate_request\/([^?]+)/.exec(
    captured.exchanges.find(({method}) => method === 'PUT')?.url ?? '',
  )?.[1];
  const asked: HttpRequest[] = [];
  let printed = '';
  let signed = '';
  try {
    await enrollWithPuppet({
      platform: {
        files: platform.files,
        // Waiting takes no time here.
        clock: {...platform.clock, setTimer: (callback) => platform.clock.setTimer(callback, 0)},
        http: {
          async request(request) {
            const exchange = captured.exchanges[asked.length];
            asked.push(request);
            if (request.method === 'PUT') signed = await sign(textOf(request), {authority, nowMs});
            const isAuthority = request.url.includes('certificate/ca?');
            const body = exchange?.status === 200 ? (isAuthority ? authority.certificatePem : signed) : '';
            return {status: exchange?.status ?? 500, statusText: '', headers: new Map(), body: Buffer.from(body)};
          },
        },
      },
      sslDirectory: join(directory, 'ssl'),
      certname: certname ?? '',
      authority: 'https://localhost:8140',
      events: {requested: (fingerprint) => (printed = fingerprint)},
    });
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
  return {asked, printed};
}

async function sign(
  pem: string,
  what: {readonly authority: IssueCertificateOptions['authority']; readonly nowMs: number},
): Promise<string> {
  const request = parseCertificateRequest(pem);
  const publicKeyPem = request.publicKey.export({format: 'pem', type: 'spki'}).toString();
  const {commonName} = request;
  const {certificatePem} = await issueCertificate({...what, commonName, random, publicKeyPem});
  return certificatePem;
}

const judge: Judge = async ({data}) => {
  const captured = data as Captured;
  const {asked, printed} = await enroll(captured);
  const results: CaseResult[] = captured.exchanges.map((exchange, index) => {
    const request = asked[index];
    const path = request === undefined ? '' : request.url.replace(/^https:\/\/[^/]+/, '');
    const wanted: unknown[] = [exchange.method, exchange.url, agentFields((name) => exchange.headers[name])];
    const got: unknown[] = [request?.method, path, request && agentFields((name) => header(request, name))];
    if (exchange.method === 'PUT') {
      const own = parseCertificateRequest(textOf(request));
      const theirs = parseCertificateRequest(exchange.body);
      wanted.push(exchange.headers['host'], theirs.commonName);
      got.push(request && header(request, 'host'), own.commonName);
    }
    return judgeEqual(`${index} ${exchange.method} ${exchange.url}`, wanted, got);
  });
  const shape = /^[0-9a-f]{64}$/;
  const wanted = shape.test(captured.certificate_fingerprint_printed ?? printed);
  return [
    ...results,
    judgeEqual('fingerprint', [wanted, captured.exchanges.length], [shape.test(printed), asked.length]),
  ];
};

export default judge;
