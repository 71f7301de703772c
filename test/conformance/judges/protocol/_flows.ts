/**
 * Captured flows: every message is opened by our code, made again by our code, and the two compared; subjects, ids, hops and
 * federation headers are derived anew.
 */
import {
  broadcastSubject,
  createReply,
  decodeBase64,
  decodeBody,
  decodeRequest,
  encodeReplyTransport,
  encodeRequestDocument,
  encodeTransport,
  federationReplySubject,
  federationRequestSubject,
  isReplySubject,
  nanosecondsToMs,
  nodeSubject,
  nowhereSubject,
  openReply,
  openRequest,
  openTransport,
  protocolNames,
  type ProtocolVersion,
  replySubject,
  type Request,
  serviceSubject,
  type Transport,
} from '../../../../src/protocol/index.ts';
import type {SecurityProvider} from '../../../../src/crypto/index.ts';
import {type CaseResult, canonical, judgeEqual} from '../../judge.ts';

export interface FlowMessage {
  readonly subject: string;
  readonly network?: string;
  readonly payload: string;
  readonly decoded?: {
    readonly body?: string;
    readonly inner_raw?: string;
    readonly transport_headers?: Readonly<Record<string, unknown>>;
  };
}

export interface Flow {
  readonly name: string;
  readonly request_id: string;
  readonly messages: readonly FlowMessage[];
}

interface SeenRequest {
  readonly request: Request;
  readonly transport: Transport;
  readonly subject: string;
}

/** Judges each message of a flow; one case each. */
export async function judgeFlow(flow: Flow, provider: SecurityProvider): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  const requests: SeenRequest[] = [];
  for (const [index, message] of flow.messages.entries()) {
    const name = `${flow.name} ${index}`;
    try {
      results.push(judgeEqual(name, [], await problemsOf(message, {flow, provider, requests})));
    } catch (error) {
      results.push({name, passed: false, expected: 'a message that opens', got: String(error)});
    }
  }
  return results;
}

interface Context {
  readonly flow: Flow;
  readonly provider: SecurityProvider;
  /** Grows as the flow is read. */
  readonly requests: SeenRequest[];
}

async function problemsOf(message: FlowMessage, context: Context): Promise<readonly string[]> {
  const transport = openTransport(Buffer.from(message.payload, 'utf8'));
  const headers = message.decoded?.transport_headers;
  const problems = [
    ...differs('transport', JSON.parse(message.payload), JSON.parse(encodeTransport(transport).toString('utf8'))),
    ...(headers === undefined ? [] : differs('headers', headers, headersOf(encodeTransport(transport)))),
    ...(transport.trace.at(-1)?.length === 3 ? [] : ['the last hop is not a triple']),
  ];
  const secure = JSON.parse(transport.payload.toString('utf8')) as {readonly protocol: string};
  const isReply = secure.protocol === protocolNames[transport.version].secureReply;
  const more = isReply
    ? await replyProblems(message, transport, context)
    : requestProblems(message, transport, context);
  return [...problems, ...more];
}

function headersOf(transport: Buffer): unknown {
  return (JSON.parse(transport.toString('utf8')) as {readonly headers: unknown}).headers;
}

function differs(what: string, expected: unknown, got: unknown): readonly string[] {
  const [wanted, found] = [canonical(expected), canonical(got)];
  return wanted === found ? [] : [`${what}: expected ${wanted.slice(0, 300)}, got ${found.slice(0, 300)}`];
}

/** What a v2 node would refuse by design is only decoded: requests to a signer, which are unsigned, and a node's registration. */
function openAny(transport: Transport, inner: string, provider: SecurityProvider): Request {
  const decoded = decodeRequest(Buffer.from(inner, 'utf8'), transport.version);
  const isRefused = decoded.agent === 'aaa_signer' || (transport.version === 2 && decoded.agent === 'registration');
  if (isRefused) return decoded;
  return openRequest(transport, {provider, nowMs: decoded.sentAtMs}).request;
}

function requestProblems(message: FlowMessage, transport: Transport, context: Context): readonly string[] {
  const inner = innerText(transport);
  const request = openAny(transport, inner, context.provider);
  context.requests.push({request, transport, subject: message.subject});
  const body = message.decoded?.body;
  return [
    ...(message.decoded?.inner_raw === undefined ? [] : differs('inner', message.decoded.inner_raw, inner)),
    ...differs('id', context.flow.request_id, request.id),
    ...(body === undefined
      ? []
      : differs('body', decodeBody(body).toString('base64'), request.body.toString('base64'))),
    ...differs(
      'made again',
      comparable(inner, request.version),
      comparable(encodeRequestDocument(request).toString('utf8'), request.version),
    ),
    ...subjectProblems(message.subject, transport, request),
    ...addressProblems(transport, request),
  ];
}

function innerText(transport: Transport): string {
  const secure = JSON.parse(transport.payload.toString('utf8')) as {
    readonly message?: string;
    readonly request?: string;
  };
  if (transport.version === 1) return secure.message ?? '';
  return decodeBase64(secure.request ?? '')?.toString('utf8') ?? '';
}

/** What may differ between two encodings of one request: how the body is wrapped, and in v2 times below the millisecond. */
function comparable(inner: string, version: ProtocolVersion): unknown {
  const document = JSON.parse(inner) as Record<string, unknown>;
  const message = String(document['message']);
  const text = version === 1 ? message : (decodeBase64(message)?.toString('utf8') ?? '');
  return {
    ...document,
    message: decodeBody(text).toString('base64'),
    ...(version === 2 ? {time: nanosecondsToMs(Number(document['time']))} : {}),
  };
}

function subjectProblems(subject: string, transport: Transport, request: Request): readonly string[] {
  const {collective, agent} = request;
  const target = subject.startsWith(`${collective}.node.`) ? subject.slice(`${collective}.node.`.length) : 'none';
  const derived = [
    broadcastSubject(collective, agent),
    serviceSubject(collective, agent),
    nodeSubject(collective, target),
  ];
  const cluster = subject.split('.')[2] ?? '';
  if (subject.startsWith('choria.federation.') && subject === federationRequestSubject(cluster)) {
    const {federation} = transport;
    const isKnown = (item: string): boolean => derived.includes(item) || item.startsWith(`${collective}.node.`);
    return [
      ...differs('federated request', request.id, federation?.requestId),
      ...(federation?.targets.length !== 0 && federation?.targets.every(isKnown)
        ? []
        : ['its federation targets are no subjects of the request']),
    ];
  }
  return derived.includes(subject) ? [] : [`subject ${subject} is none of ${derived.join(', ')}`];
}

function addressProblems(transport: Transport, request: Request): readonly string[] {
  const {replyTo, federation} = transport;
  if (replyTo === undefined || !isReplySubject(replyTo)) return [`${replyTo} is no place for a reply`];
  if (replyTo === nowhereSubject) return [];
  const isWaiting = federation?.replyTo !== undefined;
  const inbox = isWaiting ? (federation.replyTo ?? '') : replyTo;
  const made = replySubject({collective: inbox.split('.')[0] ?? '', callerId: request.callerId, requestId: request.id});
  return [
    ...differs('inbox', inbox, made),
    ...(isWaiting ? differs('federation address', replyTo, federationReplySubject(replyTo.split('.')[2] ?? '')) : []),
  ];
}

async function replyProblems(message: FlowMessage, transport: Transport, context: Context): Promise<readonly string[]> {
  const reply = openReply(transport);
  const senderHop = transport.trace.findLast((hop) => hop[1] === reply.senderId);
  const asked = context.requests.find((seen) => seen.transport.replyTo === message.subject);
  const body = message.decoded?.body;
  const secure = await createReply(
    {version: reply.version, id: reply.requestId, agent: reply.agent},
    {senderId: reply.senderId, body: reply.body, nowMs: reply.sentAtMs},
  );
  const again = openReply({...transport, payload: secure});
  const problems = [
    ...differs('id', context.flow.request_id, reply.requestId),
    ...(body === undefined ? [] : differs('body', body, reply.body.toString('utf8'))),
    ...differs(
      'made again',
      {...reply, body: reply.body.toString('utf8')},
      {...again, body: again.body.toString('utf8')},
    ),
    ...(senderHop === undefined ? ['the sender is in no hop'] : []),
    ...differs('agent', context.requests[0]?.request.agent, reply.agent),
  ];
  if (asked === undefined) return [...problems, `no request asked for a reply on ${message.subject}`];
  const isFromServer = transport.trace.at(-1)?.[1] === reply.senderId;
  // Behind a federation broker the headers are the broker's; in front of it they are made from the request's.
  if (!isFromServer) return problems;
  const wrapped = encodeReplyTransport(asked.transport, {
    payload: transport.payload,
    senderId: reply.senderId,
    connectedServer: senderHop?.[0] ?? '',
  });
  return [...problems, ...differs('headers of the reply', headersOf(encodeTransport(transport)), headersOf(wrapped))];
}
