/**
 * Frames between the server and the workers of agents: four bytes of length, highest first, and that much JSON.
 *
 * A length is judged before anything is kept, so a worker cannot make the server wait for, or hold, more than one frame's limit.
 */
import {parseJson} from '../../lib/json.ts';
import {AgentsError} from '../errors.ts';
import {replyDepthMax} from '../limits.ts';

/** What a frame is about is in `t`; the rest depends on it. */
export type Frame = Readonly<Record<string, unknown>> & {readonly t: string};

const headBytes = 4;

export function encodeFrame(frame: Frame): Buffer {
  const body = Buffer.from(JSON.stringify(frame), 'utf8');
  const bytes = Buffer.allocUnsafe(headBytes + body.length);
  bytes.writeUInt32BE(body.length, 0);
  body.copy(bytes, headBytes);
  return bytes;
}

export interface FrameReader {
  /**
   * @returns the frames that are whole now
   * @throws {AgentsError} `ERR_AGENT_WORKER` when what comes in is no frame; nothing after it can be read
   */
  push(chunk: Uint8Array): readonly Frame[];
}

export function createFrameReader(bytesMax: number): FrameReader {
  let chunks: Uint8Array[] = [];
  let length = 0;

  /** What came in, as one piece; only called when that is needed, as pieces of a long frame are many. */
  const join = (): Buffer => {
    const bytes = Buffer.concat(chunks);
    chunks = [bytes];
    return bytes;
  };

  const next = (): Frame | undefined => {
    if (length < headBytes) return undefined;
    const first = chunks[0] ?? Buffer.alloc(0);
    const head = first.length < headBytes ? join() : Buffer.from(first.buffer, first.byteOffset, first.length);
    const size = head.readUInt32BE(0);
    if (size > bytesMax) throw wrong(`a frame has ${size} bytes, expected at most ${bytesMax}`);
    const end = headBytes + size;
    if (length < end) return undefined;
    const all = head.length < end ? join() : head;
    const frame = parseFrame(all.subarray(headBytes, end), bytesMax);
    chunks = [all.subarray(end), ...chunks.slice(1)].filter((chunk) => chunk.length > 0);
    length -= end;
    return frame;
  };

  return {
    push: (chunk) => {
      if (chunk.length > 0) chunks.push(chunk);
      length += chunk.length;
      const frames: Frame[] = [];
      for (let frame = next(); frame !== undefined; frame = next()) frames.push(frame);
      return frames;
    },
  };
}

function parseFrame(bytes: Buffer, bytesMax: number): Frame {
  let value: unknown;
  try {
    value = parseJson(bytes, {bytesMax: Math.max(bytesMax, 1), depthMax: replyDepthMax, bigIntegers: true});
  } catch (cause) {
    throw wrong('a frame holds no JSON', cause);
  }
  if (typeof value === 'object' && value !== null && 't' in value && typeof value.t === 'string') return value as Frame;
  throw wrong('a frame holds no object with a "t"');
}

function wrong(problem: string, cause?: unknown): AgentsError {
  return new AgentsError('ERR_AGENT_WORKER', `Cannot understand the worker of an agent: ${problem}`, {cause});
}
