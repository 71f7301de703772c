/** Shared by the judges of messages: providers from the folder's keys, and one walk through a receiver's steps. */
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {createMemoryProvider, type SecurityProvider} from '../../../../src/crypto/index.ts';
import {
  checkCollective,
  checkTtl,
  openReply,
  openRequest,
  openTransport,
  ProtocolError,
  type Reply,
  type Request,
  type Transport,
} from '../../../../src/protocol/index.ts';

export interface ReceiveOptions {
  readonly provider: SecurityProvider;
  readonly nowMs: number;
  readonly collectives: readonly string[];
}

/** What a receiver found, in the words of the vectors. */
export interface Received {
  readonly accept: boolean;
  readonly failedAt?: string;
  readonly error?: string;
  readonly transport?: Transport;
  readonly request?: Request;
}

/** A server's way through a message, in order; the filter is judged elsewhere. */
export function receiveRequest(bytes: Uint8Array, options: ReceiveOptions): Received {
  let transport: Transport | undefined;
  let request: Request | undefined;
  try {
    transport = openTransport(bytes);
    request = openRequest(transport, options).request;
    checkCollective(request, options.collectives);
    checkTtl(request, {nowMs: options.nowMs, ttlCeilingSeconds: Number.MAX_SAFE_INTEGER});
    return {accept: true, transport, request};
  } catch (error) {
    return {...refusal(error), ...(transport && {transport}), ...(request && {request})};
  }
}

export interface ReceivedReply {
  readonly accept: boolean;
  readonly failedAt?: string;
  readonly error?: string;
  readonly transport?: Transport;
  readonly reply?: Reply;
}

/** A client's way through a reply. */
export function receiveReply(
  bytes: Uint8Array,
  options: {readonly strict: boolean; readonly provider: SecurityProvider; readonly nowMs: number},
): ReceivedReply {
  let transport: Transport | undefined;
  try {
    transport = openTransport(bytes, {strict: options.strict});
    return {accept: true, transport, reply: openReply(transport, options)};
  } catch (error) {
    return {...refusal(error), ...(transport && {transport})};
  }
}

function refusal(error: unknown): {accept: false; failedAt: string; error: string} {
  // Anything but our own error is a crash, and a crash is a failure whatever the vector wants.
  if (!(error instanceof ProtocolError)) return {accept: false, failedAt: 'crash', error: String(error)};
  return {accept: false, failedAt: error.stage, error: error.message};
}

/** A v1 provider with the folder's authority; patterns as the vector says. */
export function providerV1(
  vectorsDirectory: string,
  options: {
    readonly caFile?: string;
    readonly allowed?: readonly string[];
    readonly privileged?: readonly string[];
    readonly certname?: string;
  } = {},
): SecurityProvider {
  const caPath = join(vectorsDirectory, 'protocol', options.caFile ?? 'pki/ca.pem');
  const certname = options.certname ?? 'rip.mcollective';
  const read = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
  const caPem = read(caPath);
  const certificatePem = read(join(vectorsDirectory, 'protocol/pki', `${certname}.pem`));
  const keyPem = read(join(vectorsDirectory, 'protocol/pki', `${certname}.key`));
  return createMemoryProvider({
    certname,
    ...(caPem === undefined ? {} : {caPem}),
    ...(certificatePem === undefined ? {} : {certificatePem}),
    ...(keyPem === undefined ? {} : {keyPem}),
    ...(options.allowed === undefined ? {} : {allowedCallers: options.allowed}),
    ...(options.privileged === undefined ? {} : {privilegedCallers: options.privileged}),
  });
}

export interface ExpectedRequest {
  readonly accept: boolean;
  readonly failed_at?: string;
  readonly payload_seen_by_agent?: string;
  readonly filter_empty?: boolean;
  readonly federated?: boolean;
}

/** The properties of a received request that the vectors state, for comparison. */
export function describeRequest(received: Received, expect: ExpectedRequest): unknown {
  const {request, transport} = received;
  const filter = request?.filter;
  const isEmpty = filter && Object.values(filter).every((list) => (list as readonly unknown[]).length === 0);
  return {
    accept: received.accept,
    ...(expect.failed_at === undefined ? {} : {failed_at: received.failedAt}),
    ...(expect.payload_seen_by_agent === undefined ? {} : {payload_seen_by_agent: request?.body.toString('utf8')}),
    ...(expect.filter_empty === undefined ? {} : {filter_empty: isEmpty}),
    ...(expect.federated === undefined ? {} : {federated: transport?.federation !== undefined}),
  };
}

/** The same properties as the vector states them. */
export function expectedRequest(expect: ExpectedRequest): unknown {
  const keys = ['accept', 'failed_at', 'payload_seen_by_agent', 'filter_empty', 'federated'] as const;
  return Object.fromEntries(keys.filter((key) => expect[key] !== undefined).map((key) => [key, expect[key]]));
}

export interface ExpectedReply {
  readonly accept: boolean;
  readonly failed_at?: string;
  readonly sender?: string;
  readonly message?: string;
}

export function describeReply(received: ReceivedReply, expect: ExpectedReply): unknown {
  const {reply} = received;
  return {
    accept: received.accept,
    ...(expect.failed_at === undefined ? {} : {failed_at: received.failedAt}),
    ...(expect.sender === undefined ? {} : {sender: reply?.senderId}),
    ...(expect.message === undefined ? {} : {message: reply?.body.toString('utf8')}),
  };
}

export function expectedReply(expect: ExpectedReply): unknown {
  const keys = ['accept', 'failed_at', 'sender', 'message'] as const;
  return Object.fromEntries(keys.filter((key) => expect[key] !== undefined).map((key) => [key, expect[key]]));
}
