/** A name server on a loopback UDP port that answers SRV and A questions from a table: enough of RFC 1035 for the resolver of Node. */
import {createSocket} from 'node:dgram';
import type {SrvRecord} from '../../src/lib/platform.ts';

export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Names that were asked for, in order. */
  readonly questions: readonly string[];
  /** What each name has now; may be changed at any time. A name that is not there does not exist; `silent` never answers. */
  readonly records: Map<string, readonly SrvRecord[] | 'silent'>;
}

const typeSrv = 33;
const classInternet = 1;
const flagsAnswer = 0x8580;
const nameError = 3;

export async function startDnsServer(
  table: Readonly<Record<string, readonly SrvRecord[] | 'silent'>> = {},
): Promise<DnsServer> {
  const records = new Map(Object.entries(table));
  const questions: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (packet, peer) => {
    const {name, end} = readName(packet, 12);
    questions.push(name);
    const found = records.get(name);
    if (found === 'silent') return;
    socket.send(encodeAnswer(packet, {questionEnd: end + 4, records: found}), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    records,
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function encodeAnswer(
  question: Buffer,
  {questionEnd, records}: {readonly questionEnd: number; readonly records: readonly SrvRecord[] | undefined},
): Buffer {
  const head = Buffer.from(question.subarray(0, questionEnd));
  head.writeUInt16BE(flagsAnswer | (records === undefined ? nameError : 0), 2);
  head.writeUInt16BE(records?.length ?? 0, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...(records ?? []).map(encodeSrv)]);
}

function encodeSrv(record: SrvRecord): Buffer {
  const target = encodeName(record.name);
  const head = Buffer.alloc(18);
  // A pointer to the name of the question, at byte 12.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(typeSrv, 2);
  head.writeUInt16BE(classInternet, 4);
  head.writeUInt32BE(0, 6);
  head.writeUInt16BE(6 + target.length, 10);
  head.writeUInt16BE(record.priority, 12);
  head.writeUInt16BE(record.weight, 14);
  head.writeUInt16BE(record.port, 16);
  return Buffer.concat([head, target]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

function readName(packet: Buffer, start: number): {readonly name: string; readonly end: number} {
  const labels: string[] = [];
  let at = start;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return {name: labels.join('.').toLowerCase(), end: at + 1};
}
