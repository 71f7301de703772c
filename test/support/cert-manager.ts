/** The part of the Kubernetes API that cert-manager's clients use, with an authority behind it. */
import {randomBytes} from 'node:crypto';
import {type IssuedCertificate, issueCertificate, parseCertificateRequest} from '../../src/crypto/index.ts';
import type {HttpClient, HttpRequest, HttpResponse} from '../../src/lib/http.ts';

export interface StubCertManager {
  readonly http: HttpClient;
  readonly requests: readonly HttpRequest[];
  /** Rounds in which a request is there and not signed yet. */
  delay: number;
  /** Answers with this status in place of what was asked. */
  broken: number | undefined;
}

const prefix = 'https://kubernetes.default.svc/apis/cert-manager.io/v1/namespaces/choria/certificaterequests';

export function createStubCertManager(options: {
  readonly authority: IssuedCertificate;
  readonly nowMs: number;
}): StubCertManager {
  const stored = new Map<string, string>();
  const requests: HttpRequest[] = [];
  const answer = (status: number, document: unknown): HttpResponse => ({
    status,
    statusText: '',
    headers: new Map(),
    body: Buffer.from(JSON.stringify(document)),
  });
  const sign = async (name: string): Promise<HttpResponse> => {
    const pem = stored.get(name);
    if (pem === undefined) return answer(404, {message: 'not found'});
    if (stub.delay > 0) {
      stub.delay -= 1;
      return answer(200, {status: {}});
    }
    const asked = parseCertificateRequest(pem);
    const {certificatePem} = await issueCertificate({
      authority: options.authority,
      commonName: asked.commonName,
      dnsNames: asked.dnsNames,
      nowMs: options.nowMs,
      random: {bytes: randomBytes},
      publicKeyPem: asked.publicKey.export({type: 'spki', format: 'pem'}).toString(),
    });
    const encode = (text: string): string => Buffer.from(text).toString('base64');
    return answer(200, {status: {certificate: encode(certificatePem), ca: encode(options.authority.certificatePem)}});
  };
  const stub: StubCertManager = {
    requests,
    delay: 0,
    broken: undefined,
    http: {
      async request(request) {
        requests.push(request);
        if (stub.broken !== undefined) return answer(stub.broken, {message: 'no'});
        if (!request.url.startsWith(prefix)) return answer(404, {});
        const name = request.url.slice(prefix.length + 1);
        if (request.method === 'DELETE') return answer(stored.delete(name) ? 200 : 404, {});
        if (request.method !== 'POST') return sign(name);
        const {metadata, spec} = JSON.parse(String(request.body)) as {
          readonly metadata: {readonly name: string};
          readonly spec: {readonly csr: string};
        };
        if (stored.has(metadata.name)) return answer(409, {});
        stored.set(metadata.name, Buffer.from(spec.csr, 'base64').toString('utf8'));
        return answer(201, {});
      },
    },
  };
  return stub;
}
