/**
 * The layers of a protocol message as boxes inside boxes, or as JSON (cli.md 3.7; shape: `machine-tool-plugin.json tool-protocol-*`).
 *
 * Nothing is verified here: a tool that looks for what is wrong must show messages that nobody would accept.
 */
import {parseCertificate, parsePem, readToken} from '../../crypto/index.ts';
import {msToNs, renderDuration} from '../../lib/duration.ts';
import {errorMessage} from '../../lib/errors.ts';
import {indentJson} from '../../lib/json-text.ts';
import {
  decodeBase64,
  decodeRequest,
  type Filter,
  isEmptyFilter,
  openReply,
  openTransport,
  protocolNames,
  readStrictJson,
  type Request,
  type Transport,
} from '../../protocol/index.ts';
import {CliError} from '../errors.ts';
import {renderBytes} from './bytes.ts';
import type {TextSink} from '../types.ts';
import type {Paint} from './colour.ts';
import {inertJson, inertLine} from './inert.ts';

export interface LayerOptions {
  readonly sink: Pick<TextSink, 'write'>;
  readonly paint: Paint;
  readonly nowMs: number;
  readonly asJson: boolean;
}

type Wire = Readonly<Record<string, unknown>>;

const payloadShownMax = 65;
const payloadEnd = 30;
const signatureEnd = 15;
/** A request carries one; a chain behind it is not shown. */
const certificatesMax = 8;
const jsonIndent = ' '.repeat(4);

/**
 * @throws {CliError} `ERR_CLI_FAILED` when the bytes are no message of a known protocol; what was readable is written before
 */
export function renderLayers(bytes: Buffer, options: LayerOptions): void {
  const text = bytes.toString('utf8');
  if (textOf(readWire(text), 'protocol') === '') throw new CliError('ERR_CLI_FAILED', 'no protocol identifier found');
  const transport = openTransport(bytes);
  const payload = transport.payload.toString('utf8');
  const secure = readWire(payload);
  const names = protocolNames[transport.version];
  const inner = textOf(secure, 'protocol');
  if (options.asJson) writeJson('Transport', text, options);
  else transportBox(transport, {inner, options});
  if (inner === names.secureRequest) {
    const message = messageOf(secure, {key: 'request', version: transport.version});
    if (options.asJson) {
      writeJson('Secure Request', payload, options);
      writeJson('Request', message.toString('utf8'), options);
      return;
    }
    secureRequestBox(secure, {message, version: transport.version, options});
    requestBox(decodeRequest(message, transport.version), options);
  } else if (inner === names.secureReply) {
    const message = messageOf(secure, {key: 'reply', version: transport.version});
    if (options.asJson) {
      writeJson('Secure Reply', payload, options);
      writeJson('Reply', message.toString('utf8'), options);
      return;
    }
    secureReplyBox(secure, {message, version: transport.version, options});
    replyBox(transport, options);
  } else {
    throw new CliError('ERR_CLI_FAILED', `cannot render ${JSON.stringify(inner)}`);
  }
}

function readWire(text: string): Wire {
  try {
    const {value} = readStrictJson(text, {stage: 'transport', what: 'message'});
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Wire) : {};
  } catch {
    // Whatever is no JSON has no protocol, which is what its reader is told.
    return {};
  }
}

function textOf(wire: Wire, key: string): string {
  const value = wire[key];
  return typeof value === 'string' ? value : '';
}

function writeJson(title: string, text: string, {sink}: LayerOptions): void {
  sink.write(`${title}:\n\n${jsonIndent}${inertJson(indentJson(text, {indent: '  ', prefix: jsonIndent}))}\n\n`);
}

/** Version 1 carries JSON as text, version 2 in base64. */
function messageOf(secure: Wire, layer: {readonly key: 'request' | 'reply'; readonly version: 1 | 2}): Buffer {
  const text = textOf(secure, layer.version === 1 ? 'message' : layer.key);
  if (layer.version === 1) return Buffer.from(text, 'utf8');
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw new CliError('ERR_CLI_FAILED', `the key "${layer.key}" of the message is not base64`);
  return bytes;
}

/** Labels stand right of one column, so that the values line up. */
function box(lines: readonly (readonly [string, string] | string)[], prefix: string): string {
  return lines
    .map((line) => {
      if (typeof line === 'string') return line === '' ? prefix : `${prefix} ${line}`;
      return `${prefix} ${line[0]}: ${line[1]}`.trimEnd();
    })
    .map((line) => `${line}\n`)
    .join('');
}

function summary(version: string, bytes: Buffer, paint: Paint): string {
  return `${paint.green(version)} message with ${paint.green(renderBytes(bytes.length))} payload`;
}

function labels(width: number, rows: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return rows.map(([label, value]) => [label.padStart(width), inertLine(value)]);
}

function transportBox(
  transport: Transport,
  {inner, options}: {readonly inner: string; readonly options: LayerOptions},
): void {
  const {paint, sink} = options;
  const {federation, replyTo} = transport;
  const sender = paint.green(inertLine(transport.senderId ?? ''));
  const rows: (readonly [string, string])[] = [['Payload Protocol', inner]];
  if (replyTo !== undefined) rows.push(['Reply-To', replyTo]);
  if (federation === undefined) rows.push(['Federated', 'false']);
  else {
    rows.push(['Federation Reply-To', federation.replyTo ?? '']);
    rows.push(['Federation Request', federation.requestId]);
    rows.push(['Federation Targets', String(federation.targets.length)]);
  }
  const head = `${summary(protocolNames[transport.version].transport, transport.payload, paint)} from ${sender}`;
  sink.write('╓─ Transport ─────────────────────────────────────────\n');
  sink.write(box(['', head, '', ...labels(21, rows), ''], '║'));
}

interface SecureLayer {
  readonly message: Buffer;
  readonly version: 1 | 2;
  readonly options: LayerOptions;
}

function innerProtocol(message: Buffer): string {
  return textOf(readWire(message.toString('utf8')), 'protocol');
}

function secureRequestBox(secure: Wire, {message, version, options}: SecureLayer): void {
  const {paint, sink} = options;
  const rows: (readonly [string, string])[] = [
    ['Payload Protocol', innerProtocol(message)],
    ['Signature', hexEnds(textOf(secure, 'signature'))],
  ];
  const more = version === 1 ? certificateRows(textOf(secure, 'pubcert'), options) : callerRows(secure);
  sink.write('║   ╓─ Secure Request ─────────────────────────────────────\n');
  const head = summary(protocolNames[version].secureRequest, message, paint);
  sink.write(box(['', head, '', ...labels(21, rows), ...more, ''], '║   ║'));
}

function hexEnds(base64: string): string {
  const bytes = decodeBase64(base64);
  if (bytes === undefined) return 'not base64';
  if (bytes.length <= 2 * signatureEnd) return bytes.toString('hex');
  return `${bytes.subarray(0, signatureEnd).toString('hex')}...${bytes.subarray(-signatureEnd).toString('hex')}`;
}

function certificateRows(pem: string, {nowMs, paint}: LayerOptions): readonly (readonly [string, string])[] {
  const der = parsePem(pem, {blocksMax: certificatesMax}).find((block) => block.label === 'CERTIFICATE')?.der;
  if (der === undefined) return labels(21, [['Signer', 'no certificate']]);
  const certificate = parseCertificate(der);
  const leftMs = certificate.notAfterMs - nowMs;
  const left = renderDuration(msToNs(Math.abs(leftMs)));
  const expires = `${new Date(certificate.notAfterMs).toISOString().slice(0, 19)}Z`;
  return [
    ['Signer'.padStart(21), ''],
    ['Subject'.padStart(32), inertLine(nameLine(certificate.x509.subject))],
    ['Alt Names'.padStart(32), inertLine(certificate.dnsNames.join(', '))],
    ['Expires'.padStart(32), `${expires} (${leftMs < 0 ? paint.yellow(`${left} ago`) : left})`],
    ['Issuer'.padStart(32), inertLine(nameLine(certificate.x509.issuer))],
  ];
}

/** The most specific part first, joined by commas. */
function nameLine(name: string): string {
  return name.split('\n').toReversed().join(',');
}

function callerRows(secure: Wire): readonly (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = [['Caller', callerOf(textOf(secure, 'caller'))]];
  const signer = textOf(secure, 'signer');
  if (signer !== '') rows.push(['Signer', callerOf(signer)]);
  return labels(21, rows);
}

function callerOf(text: string): string {
  try {
    const token = readToken(text);
    if (token.purpose === 'choria_client_id') return token.name;
    return token.purpose === 'choria_server' ? `${token.name} (server)` : `unknown (${token.purpose})`;
  } catch (error) {
    return `unknown (${errorMessage(error)})`;
  }
}

function secureReplyBox(secure: Wire, {message, version, options}: SecureLayer): void {
  const {paint, sink} = options;
  const rows: (readonly [string, string])[] = [['Payload Protocol', innerProtocol(message)]];
  rows.push(['Hash', decodeBase64(textOf(secure, 'hash'))?.toString('hex') ?? 'not base64']);
  if (version === 2) {
    const signature = textOf(secure, 'signature');
    rows.push(['Signature', signature === '' ? 'unsigned' : hexEnds(signature)]);
    const sender = textOf(secure, 'sender');
    rows.push(['Sender', sender === '' ? 'unknown' : callerOf(sender)]);
  }
  sink.write('║   ╓─ Secure Reply ─────────────────────────────────────\n');
  const head = summary(protocolNames[version].secureReply, message, paint);
  sink.write(box(['', head, '', ...labels(18, rows), ''], '║   ║'));
}

function ago(thenMs: number, nowMs: number): string {
  return renderDuration(msToNs(Math.max(1, nowMs - thenMs)));
}

function timeLine(sentAtMs: number, nowMs: number): string {
  const text = new Date(sentAtMs).toISOString().replace(/\.?0*Z$/, 'Z');
  return `${text} (${ago(sentAtMs, nowMs)} ago)`;
}

/** The beginning and the end, when it is long. */
function payloadLine(body: Buffer): string {
  const text = body.toString('utf8');
  if (body.length <= payloadShownMax) return text;
  const start = body.subarray(0, payloadEnd).toString('utf8');
  return `${start}...${body.subarray(-payloadEnd).toString('utf8')}`;
}

function requestBox(request: Request, {paint, sink, nowMs}: LayerOptions): void {
  const rows: (readonly [string, string])[] = [
    ['Request', request.id],
    ['Sender', request.senderId],
    ['Agent', request.agent],
    ['Caller', request.callerId],
    ['Collective', request.collective],
    ['Time', timeLine(request.sentAtMs, nowMs)],
    ['TTL', String(request.ttlSeconds)],
    ...filterRows(request.filter),
    ['Payload', payloadLine(request.body)],
  ];
  sink.write('║   ║   ╓─ Request ────────────────────────────────────────────\n');
  const head = summary(protocolNames[request.version].request, request.body, paint);
  sink.write(box(['', head, '', ...labels(15, rows), ''], '║   ║   ║'));
}

function filterRows(filter: Filter): readonly (readonly [string, string])[] {
  if (isEmptyFilter(filter)) return [['Filter', 'unfiltered']];
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['Agent Filter', filter.agents],
    ['Fact Filter', filter.facts.map(({fact, operator, value}) => `${fact}${operator}${value}`)],
    ['Class Filter', filter.classes],
    ['Identity Filter', filter.identities],
    ['Compound Filter', filter.compounds.flatMap((entry) => entry.map((part) => JSON.stringify(part)))],
  ];
  return rows.filter(([, values]) => values.length > 0).map(([label, values]) => [label, values.join(', ')]);
}

function replyBox(transport: Transport, {paint, sink, nowMs}: LayerOptions): void {
  const reply = openReply(transport);
  const rows: readonly (readonly [string, string])[] = [
    ['Request', reply.requestId],
    ['Agent', reply.agent],
    ['Sender', reply.senderId],
    ['Time', timeLine(reply.sentAtMs, nowMs)],
    ['Payload', payloadLine(reply.body)],
  ];
  sink.write('║   ║   ╓─ Reply ────────────────────────────────────────────\n');
  const head = summary(protocolNames[reply.version].reply, reply.body, paint);
  sink.write(box(['', head, '', ...labels(9, rows), ''], '║   ║   ║'));
}
