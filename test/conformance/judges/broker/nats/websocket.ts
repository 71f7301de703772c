/** Raw WebSocket clients: the answer to the upgrade request, and the frames that come for the bytes sent. */
import {inflateRawSync, constants} from 'node:zlib';
import {startTestBroker} from '../../../../support/broker.ts';
import {type CaseResult, type JudgeInput, judgeEqual} from '../../../judge.ts';
import {collapse, inParallel, RawClient} from './_raw.ts';

interface Frame {
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload?: string;
  readonly inflated?: string;
  readonly close_code?: number | null;
  readonly close_reason?: string;
}

interface WebSocketCase {
  readonly name: string;
  readonly request?: string;
  readonly response?: string;
  readonly body?: string | null;
  readonly frames?: readonly Frame[] | null;
  readonly closed?: boolean;
  readonly extra_headers?: string;
  readonly steps?: readonly {
    readonly client_hex: string;
    readonly server_frames: readonly Frame[];
    readonly closed: boolean;
  }[];
}

export default function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {cases} = input.data as {readonly cases: readonly WebSocketCase[]};
  return inParallel(cases, (item) => (item.steps === undefined ? judgeHandshake(item) : judgeFrames(item)));
}

async function connect(): Promise<{readonly client: RawClient; readonly stop: () => Promise<void>}> {
  const broker = await startTestBroker({websocket: {host: '127.0.0.1', port: 0}});
  const client = await RawClient.connect({host: '127.0.0.1', port: broker.engine.webSocketPort});
  return {
    client,
    stop: async () => {
      client.close();
      await broker[Symbol.asyncDispose]();
    },
  };
}

async function judgeHandshake(item: WebSocketCase): Promise<CaseResult> {
  const {client, stop} = await connect();
  try {
    client.send(item.request ?? '');
    const expected = item.frames ?? [];
    await client.until(
      ({received, isClosed}) => isClosed || framesOf(received.slice(headEnd(received))).length >= expected.length,
    );
    if (item.body !== null)
      await client.until(({received, isClosed}) => isClosed || received.endsWith(item.body ?? ''));
    const {received, isClosed} = client;
    const end = headEnd(received);
    const isUpgraded = item.frames !== null;
    return judgeEqual(
      item.name,
      {head: headOf(item.response ?? ''), body: item.body, frames: item.frames?.map(shape), closed: item.closed},
      {
        head: headOf(received.slice(0, end)),
        body: isUpgraded ? null : received.slice(end),
        frames: isUpgraded ? framesOf(received.slice(end)).map(shape) : undefined,
        closed: isClosed,
      },
    );
  } finally {
    await stop();
  }
}

async function judgeFrames(item: WebSocketCase): Promise<CaseResult> {
  const {client, stop} = await connect();
  try {
    client.send(
      `GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${item.extra_headers ?? ''}\r\n`,
    );
    await client.until(({received}) => framesOf(received.slice(headEnd(received))).length > 0);
    client.take();
    for (const [index, step] of (item.steps ?? []).entries()) {
      client.send(Buffer.from(step.client_hex, 'hex').toString('latin1'));
      if (step.closed) await client.until(({isClosed}) => isClosed);
      else await client.until(({received}) => framesOf(received).length >= step.server_frames.length);
      const got = framesOf(client.take());
      // Where the reference closed at once its last frames may have been lost on the way, so their absence says nothing.
      const isLost = step.closed && step.server_frames.length === 0;
      const result = judgeEqual(
        `step ${index}`,
        {frames: isLost ? [] : step.server_frames.map(shape), closed: step.closed},
        {frames: isLost ? [] : got.map(shape), closed: client.isClosed},
      );
      if (!result.passed) return {...result, name: item.name};
    }
    return {name: item.name, passed: true};
  } finally {
    await stop();
  }
}

function headEnd(text: string): number {
  const end = text.indexOf('\r\n\r\n');
  return end < 0 ? text.length : end + 4;
}

/** Status line and headers in any order and case; the date is the judge's own day. */
function headOf(text: string): unknown {
  const [status, ...headers] = text.trimEnd().split('\r\n');
  return {
    status,
    headers: headers
      .map((line) => (/^date:/i.test(line) ? 'date' : line.replace(/^[^:]+/, (name) => name.toLowerCase())))
      .toSorted(),
  };
}

/** What has to be equal: not the length, because INFO and a compressor's choices differ; texts of 1002 are free. */
function shape(frame: Frame): unknown {
  const text = frame.inflated ?? frame.payload;
  return {
    fin: frame.fin,
    rsv1: frame.rsv1,
    opcode: frame.opcode,
    masked: frame.masked,
    text: text === undefined ? undefined : collapse(text),
    code: frame.close_code,
    reason: frame.close_code === 1002 ? undefined : frame.close_reason,
  };
}

/** The whole frames at the start of a text of bytes. */
function framesOf(text: string): Frame[] {
  const bytes = Buffer.from(text, 'latin1');
  const frames: Frame[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const start = at + 2 + lengthBytes;
    if (start > bytes.length) break;
    const length =
      short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    if (start + length > bytes.length) break;
    const payload = bytes.subarray(start, start + length);
    const opcode = first & 0x0f;
    const common = {fin: (first & 0x80) !== 0, rsv1: (first & 0x40) !== 0, opcode, masked: (second & 0x80) !== 0};
    if (opcode === 8) {
      frames.push({
        ...common,
        close_code: length < 2 ? null : payload.readUInt16BE(0),
        close_reason: payload.toString('utf8', 2),
      });
    } else if (common.rsv1) {
      const inflated = inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]), {
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      frames.push({...common, inflated: inflated.toString('latin1')});
    } else {
      frames.push({...common, payload: payload.toString('latin1')});
    }
    at = start + length;
  }
  return frames;
}
