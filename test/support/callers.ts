/** Callers with certificates of an own authority, for tests of messages. */
import {randomBytes} from 'node:crypto';
import {
  createMemoryProvider,
  generateKey,
  issueCertificate,
  issueCertificateAuthority,
  type IssueCertificateOptions,
  type IssuedCertificate,
  type SecurityProvider,
  type X509Settings,
} from '../../src/crypto/index.ts';
import {
  encodeRequest,
  encodeTransport,
  type NewRequest,
  openTransport,
  type Transport,
} from '../../src/protocol/index.ts';

export const random = {bytes: (count: number): Buffer => randomBytes(count)};

export interface Callers {
  readonly nowMs: number;
  readonly authority: IssuedCertificate;
  /** A certificate with the shared RSA key, unless the change names another. */
  certificate(name: string, change?: Partial<IssueCertificateOptions>): Promise<IssuedCertificate>;
  caller(name: string, settings?: Partial<X509Settings>): Promise<SecurityProvider>;
  /** A provider over exactly this material, trusting the authority. */
  provider(certificate: IssuedCertificate, settings: X509Settings): SecurityProvider;
}

export async function createCallers(nowMs = Date.UTC(2026, 10, 21, 12)): Promise<Callers> {
  const authority = await issueCertificateAuthority({commonName: 'Test CA', nowMs, random, keyKind: 'ec'});
  const {privateKeyPem} = await generateKey('rsa');
  const callers: Callers = {
    nowMs,
    authority,
    certificate: (name, change = {}) =>
      issueCertificate({authority, commonName: name, nowMs, random, keyPem: privateKeyPem, ...change}),
    async caller(name, settings = {}) {
      return callers.provider(await callers.certificate(name), {certname: name, ...settings});
    },
    provider: (certificate, settings) =>
      createMemoryProvider({
        ...settings,
        certificatePem: certificate.certificatePem,
        keyPem: certificate.keyPem,
        caPem: authority.certificatePem,
      }),
  };
  return callers;
}

/** A request to rpcutil with everything in order. */
export function newRequest(nowMs: number, change: Partial<NewRequest> = {}): NewRequest {
  return {
    id: randomBytes(16).toString('hex'),
    senderId: 'dev1.example.net',
    collective: 'mcollective',
    agent: 'rpcutil',
    ttlSeconds: 60,
    sentAtMs: nowMs,
    body: Buffer.from('{"agent":"rpcutil","action":"ping","data":{}}'),
    ...change,
  };
}

export async function signedTransport(
  provider: SecurityProvider,
  request: NewRequest,
  change: Partial<Transport> = {},
): Promise<Transport> {
  const payload = await encodeRequest(request, {provider});
  const replyTo = 'mcollective.reply.37bdf08389145a56c13096c178802d3b.1';
  const bytes = encodeTransport({version: 1, payload, replyTo, senderId: 'dev1.example.net', trace: [], ...change});
  return openTransport(bytes);
}

/** The transport's secure request, changed and wrapped again. */
export function alterSecure(transport: Transport, change: (document: Record<string, string>) => void): Transport {
  const document = JSON.parse(transport.payload.toString('utf8')) as Record<string, string>;
  change(document);
  return {...transport, payload: Buffer.from(JSON.stringify(document), 'utf8')};
}

/** The code of the error that the call throws; `accepted` when it throws none. */
export function refusalOf(call: () => unknown): string {
  try {
    call();
    return 'accepted';
  } catch (error) {
    return (error as {readonly code?: string}).code ?? `crash: ${String(error)}`;
  }
}
