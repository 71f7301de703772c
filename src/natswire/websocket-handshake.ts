/** The HTTP request and response that begin a WebSocket, as text: what a server accepts, and what a client asks and checks. */
import {createHash} from 'node:crypto';
import {WireError} from './errors.ts';

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const extension = 'permessage-deflate';

export interface HttpHead {
  /** `GET / HTTP/1.1` or `HTTP/1.1 101 Switching Protocols`, in its three parts. */
  readonly start: readonly [string, string, string];
  /** Names in lower case; all values of a name in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

const startLine = /^([!-~]+) ([!-~\x80-\xff]+)(?: ([ -~]*))?$/;
/** A request's method and path: what is no token, and an escape that is none, is refused. */
const method = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const path = /^(?:[^%?]|%[0-9A-Fa-f]{2})*(?:\?|$)/;
/** Blanks in names are only found later, as nats-server does it. */
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z -]+$/;
const headerValue = /^[\t -~\x80-\xff]*$/;

/** Whether a first line, without its end, can begin a request. */
export function isRequestLine(line: string): boolean {
  const [, verb = '', target = '', version = ''] = startLine.exec(line) ?? [];
  const isPlace = /^(?:\/|[a-z][a-z0-9+.-]*:\/\/)/i.test(target) && path.test(target);
  return method.test(verb) && isPlace && /^HTTP\/\d\.\d$/.test(version);
}

/** Returns undefined for what is no HTTP/1 head. `text` ends before the empty line, one character for each byte. */
export function parseHttpHead(text: string): HttpHead | undefined {
  const [line = '', ...rest] = text.split(/\r?\n/);
  const parts = startLine.exec(line);
  if (parts === null) return undefined;
  const headers = new Map<string, string[]>();
  for (const header of rest) {
    const colon = header.indexOf(':');
    const name = header.slice(0, colon).toLowerCase();
    const value = header.slice(colon + 1).trim();
    // A line that begins with a blank goes on with the one before: nobody honest does that any more.
    if (colon <= 0 || /^[ \t]/.test(name) || !headerName.test(name) || !headerValue.test(value)) return undefined;
    const values = headers.get(name) ?? [];
    values.push(value);
    headers.set(name, values);
  }
  return {start: [parts[1] ?? '', parts[2] ?? '', parts[3] ?? ''], headers};
}

export interface UpgradeRules {
  readonly isCompressionAllowed: boolean;
  /** Only these, such as `https://console.example.net`; absent: every origin. */
  readonly allowedOrigins?: readonly string[];
  /** Only pages that came from this same host and port. */
  readonly isSameOriginRequired?: boolean;
  readonly isTls: boolean;
  /** Bytes came behind the request, before it was answered. */
  readonly hasBytesBehind: boolean;
  /** For the `Date` of a refusal. */
  readonly nowMs: number;
}

export interface Upgrade {
  readonly isAccepted: boolean;
  /** Nothing more is read from who sent this. */
  readonly isLast: boolean;
  /** Whole, to be sent as it is. */
  readonly response: string;
  readonly isCompressed: boolean;
  readonly isMaskRequired: boolean;
  readonly isBrowser: boolean;
}

const statusTexts = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
} as const;

/** Judges a request in the order of nats-server, so that the same status answers it. */
export function answerUpgrade(head: HttpHead | undefined, rules: UpgradeRules): Upgrade {
  const fault = faultOf(head);
  if (fault !== undefined || head === undefined) return cutOff(fault ?? '400 Bad Request');
  const status = refusalOf(head, rules);
  if (status !== undefined) return refuse(status, {head, nowMs: rules.nowMs});
  // Who speaks before it was answered gets no answer, as with nats-server.
  if (rules.hasBytesBehind) return {...refusal, isLast: true, response: ''};
  const isMaskRequired = head.headers.get('nats-no-masking')?.[0] !== 'true';
  const isCompressed = rules.isCompressionAllowed && offersDeflate(head);
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(head.headers.get('sec-websocket-key')?.[0] ?? '')}`,
    ...(isCompressed
      ? [`Sec-WebSocket-Extensions: ${extension}; server_no_context_takeover; client_no_context_takeover`]
      : []),
    ...(isMaskRequired ? [] : ['Nats-No-Masking: true']),
  ];
  const isBrowser = (head.headers.get('user-agent')?.[0] ?? '').startsWith('Mozilla/');
  return {
    isAccepted: true,
    isLast: false,
    response: `${lines.join('\r\n')}\r\n\r\n`,
    isCompressed,
    isMaskRequired,
    isBrowser,
  };
}

/** What makes it no request at all, as a status line. */
function faultOf(head: HttpHead | undefined): string | undefined {
  if (head === undefined) return '400 Bad Request';
  const [, , version] = head.start;
  if (!isRequestLine(head.start.join(' '))) return '400 Bad Request';
  const bodyFault = bodyFaultOf(head);
  if (bodyFault !== undefined) return bodyFault;
  if (!version.startsWith('HTTP/1.')) return '505 HTTP Version Not Supported: unsupported protocol version';
  const hosts = head.headers.get('host') ?? [];
  if (hosts.length === 0 && version !== 'HTTP/1.0') return '400 Bad Request: missing required Host header';
  if (hosts.length > 1) return '400 Bad Request';
  if (!/^[\w!$%&'()*+,\-.:;=@[\]~]*$/.test(hosts[0] ?? '')) return '400 Bad Request: malformed Host header';
  const hasBlankName = [...head.headers.keys()].some((name) => name.includes(' '));
  return hasBlankName ? '400 Bad Request: invalid header name' : undefined;
}

/** A body whose length is not sure is none that anything could follow. The words behind the numbers are HTTP's own for them. */
function bodyFaultOf(head: HttpHead): string | undefined {
  const encodings = head.headers.get('transfer-encoding') ?? [];
  if (encodings.length > 0 && head.start[2] !== 'HTTP/1.0') {
    return encodings.length === 1 && encodings[0]?.toLowerCase() === 'chunked' ? undefined : '501 Not Implemented';
  }
  const lengths = new Set(head.headers.get('content-length') ?? []);
  return lengths.size > 1 || [...lengths].some((length) => !/^\d+$/.test(length)) ? '400 Bad Request' : undefined;
}

/** Other protocols that nats-server speaks at these places, and this engine does not. */
const otherPlaces = /\/(?:mqtt|leafnode)$/;

function refusalOf(head: HttpHead, rules: UpgradeRules): keyof typeof statusTexts | undefined {
  const [method, target] = head.start;
  if (otherPlaces.test(target.split(/[?#]/)[0] ?? '')) return 404;
  if (method !== 'GET') return 405;
  if ((head.headers.get('host')?.[0] ?? '') === '') return 400;
  if (!isListed(head, 'upgrade', 'websocket') || !isListed(head, 'connection', 'upgrade')) return 400;
  if (!/^[A-Za-z0-9+/]{22}==$/.test(head.headers.get('sec-websocket-key')?.[0] ?? '')) return 400;
  if (!isListed(head, 'sec-websocket-version', '13')) return 400;
  return isOriginAllowed(head, rules) ? undefined : 403;
}

/** Whether a comma separated header has the word, in any case. */
function isListed(head: HttpHead, name: string, word: string): boolean {
  return (head.headers.get(name) ?? []).some((value) =>
    value.split(',').some((item) => item.trim().toLowerCase() === word),
  );
}

function offersDeflate(head: HttpHead): boolean {
  return (head.headers.get('sec-websocket-extensions') ?? []).some((value) =>
    value.split(',').some((offer) => (offer.split(';')[0] ?? '').trim().toLowerCase() === extension),
  );
}

/** Programs send no origin; a browser always does, and cannot be made to lie about it. */
function isOriginAllowed(head: HttpHead, rules: UpgradeRules): boolean {
  const {allowedOrigins, isSameOriginRequired} = rules;
  if (allowedOrigins === undefined && isSameOriginRequired !== true) return true;
  // Browsers of the protocol's drafts used the second name.
  const text = ['origin', 'sec-websocket-origin']
    .map((name) => head.headers.get(name)?.[0] ?? '')
    .find((value) => value);
  if (text === undefined) return true;
  const origin = parseOrigin(text);
  if (origin === undefined) return false;
  if (isSameOriginRequired === true) {
    const own = parseOrigin(`${rules.isTls ? 'https' : 'http'}://${head.headers.get('host')?.[0] ?? ''}`);
    if (own !== origin) return false;
  }
  return allowedOrigins === undefined || allowedOrigins.some((allowed) => parseOrigin(allowed) === origin);
}

function parseOrigin(text: string): string | undefined {
  // What readers of addresses mend, no browser sends.
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\\]*$/i.test(text) || !URL.canParse(text)) return undefined;
  const {origin} = new URL(text);
  return origin === 'null' ? undefined : origin;
}

const refusal = {isAccepted: false, isCompressed: false, isMaskRequired: true, isBrowser: false} as const;

function refuse(
  status: keyof typeof statusTexts,
  {head, nowMs}: {readonly head: HttpHead; readonly nowMs: number},
): Upgrade {
  const body = `${statusTexts[status]}\n`;
  const isLast =
    isListed(head, 'connection', 'close') ||
    (head.start[2] === 'HTTP/1.0' && !isListed(head, 'connection', 'keep-alive'));
  const lines = [
    `HTTP/1.1 ${status} ${statusTexts[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    'Sec-Websocket-Version: 13',
    'X-Content-Type-Options: nosniff',
    `Date: ${new Date(nowMs).toUTCString()}`,
    `Content-Length: ${body.length}`,
    ...(isLast ? ['Connection: close'] : []),
  ];
  const text = head.start[0] === 'HEAD' ? '' : body;
  return {...refusal, isLast, response: `${lines.join('\r\n')}\r\n\r\n${text}`};
}

/** Answers what is no request of HTTP/1, or one that is not read. */
function cutOff(status: string): Upgrade {
  const lines = [`HTTP/1.1 ${status}`, 'Content-Type: text/plain; charset=utf-8', 'Connection: close'];
  const body = status.startsWith('501') ? 'Unsupported transfer encoding' : status;
  return {...refusal, isLast: true, response: `${lines.join('\r\n')}\r\n\r\n${body}`};
}

/** The answer to a head that is longer than its bound. */
export const tooLargeHeadResponse = cutOff('431 Request Header Fields Too Large').response;

/** What a server answers to a key. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${magic}`, 'latin1').digest('base64');
}

/** @param key 16 random bytes in base64 */
export function encodeUpgradeRequest(to: {readonly host: string; readonly path: string; readonly key: string}): string {
  return [
    `GET ${to.path} HTTP/1.1`,
    `Host: ${to.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${to.key}`,
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');
}

/** @throws {WireError} `ERR_WIRE_WEBSOCKET` when the server did not agree */
export function checkUpgradeResponse(text: string, key: string): void {
  const refused = (why: string): WireError =>
    new WireError('ERR_WIRE_WEBSOCKET', `Cannot begin a WebSocket: ${why}`, {details: {closeCode: 1002, reason: why}});
  const head = parseHttpHead(text);
  if (head === undefined || !head.start[0].startsWith('HTTP/1.')) throw refused('the answer is not HTTP');
  if (head.start[1] !== '101') {
    throw refused(`the server answered ${head.start[1]} ${JSON.stringify(head.start[2])}, expected 101`);
  }
  if (!isListed(head, 'upgrade', 'websocket') || !isListed(head, 'connection', 'upgrade')) {
    throw refused('the server did not upgrade the connection');
  }
  if (head.headers.get('sec-websocket-accept')?.[0] !== acceptOf(key)) throw refused('the server answered another key');
  // Nothing was offered, so nothing may have been chosen.
  if (head.headers.has('sec-websocket-extensions')) throw refused('the server chose an extension that was not offered');
}
