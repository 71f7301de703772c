/**
 * Throws broken input at the parsers that strangers reach before they have proven anything: `npm run fuzz -- --minutes 60 [--seed 1] [--target NAME]`.
 *
 * What must hold for every input: nothing but the parser's own error comes out, the same bytes in other pieces mean the same, one call never takes
 * longer than `hangMs` of processor time, and the process stays below `residentBytesMax`. The input that breaks a rule is printed in base64 with
 * its seed, and the job ends with 1. Its pace does not matter: give it `nice`.
 */
import {setImmediate as turn} from 'node:timers/promises';
import {
  answerUpgrade,
  checkUpgradeResponse,
  ClientParser,
  decodeHeaders,
  encodeConnect,
  encodePublish,
  parseHttpHead,
  ServerParser,
  WireError,
} from '../src/natswire/index.ts';
import {deflateMessage, encodeFrameHead, maskedCopy, WebSocketFrameParser} from '../src/natswire/websocket-frames.ts';
import {parseConnect} from '../src/broker/embedded/connect-options.ts';
import {jobArguments, jobNumber, refuseJob} from './arguments.mjs';
import {createSeededRandom, type SeededRandom} from './seeded-random.ts';

const hangMs = 50;
const residentBytesMax = 512 * 1_048_576;
const inputBytesMax = 16_384;

interface Target {
  readonly name: string;
  /** An input that is right, to be broken. */
  make(random: SeededRandom): Buffer;
  /** What the parser says of it, in the pieces given. Throws only what it never may. */
  read(pieces: readonly Buffer[]): string;
}

const controlLineBytesMax = 4096;
const payloadBytesMax = 8192;

function errorCode(error: unknown): string {
  if (error instanceof WireError) return error.code;
  throw error;
}

const serverFrames: Target = {
  name: 'server-frames',
  make: (random) => {
    const name = (): string =>
      random.pick(['a', 'mcollective.node.n1', 'b.*', '>', '$SYS.REQ', '_INBOX.x.y', 'ü', '..', 'a b']);
    const parts: (() => Buffer)[] = [
      () => encodeConnect({verbose: false, pedantic: false, name: name()}),
      () => encodePublish('a.b', random.bytes(random.below(64)), random.below(2) === 0 ? {} : {replyTo: '_INBOX.x'}),
      () => Buffer.from(`PUB ${name()} ${name()} 2\r\nhi\r\n`, 'latin1'),
      () =>
        Buffer.from(
          `HPUB ${name()} 12 ${12 + random.below(8)}\r\nNATS/1.0\r\n\r\n${'x'.repeat(random.below(9))}\r\n`,
          'latin1',
        ),
      () => Buffer.from(`SUB ${name()} ${random.below(99)}\r\n`, 'latin1'),
      () => Buffer.from(`UNSUB ${random.below(99)} ${random.below(5)}\r\n`),
      () => Buffer.from('PING\r\npong\r\n+OK\r\n'),
    ];
    return Buffer.concat(Array.from({length: 1 + random.below(8)}, () => random.pick(parts)()));
  },
  read: (pieces) => {
    const seen: string[] = [];
    const parser = new ServerParser(
      {
        onConnect: (json) =>
          void seen.push(`connect ${parseConnect(json) === undefined ? 'bad' : 'good'} ${json.length}`),
        onPublish: (frame) => {
          const {buffer, subjectStart, subjectEnd, payloadStart, payloadEnd, headerBytes} = frame;
          if (headerBytes > 0) readHeaders(buffer.subarray(payloadStart, payloadStart + headerBytes));
          seen.push(
            `pub ${buffer.toString('latin1', subjectStart, subjectEnd)} ${payloadEnd - payloadStart} ${headerBytes}`,
          );
        },
        onSubscribe: (item) => void seen.push(`sub ${item.subject} ${item.queue ?? ''} ${item.sid}`),
        onUnsubscribe: (sid, max) => void seen.push(`unsub ${sid} ${max ?? ''}`),
        onPing: () => void seen.push('ping'),
        onPong: () => void seen.push('pong'),
      },
      {controlLineBytesMax, payloadBytesMax},
    );
    return pushAll(parser, pieces, seen, controlLineBytesMax + payloadBytesMax);
  },
};

const clientFrames: Target = {
  name: 'client-frames',
  make: (random) => {
    const parts: (() => string)[] = [
      () => `INFO {"max_payload":${random.below(9999)},"x":"y"} \r\n`,
      () => `MSG a.b ${random.below(9)} 3\r\nabc\r\n`,
      () => `MSG a.b 1 re.ply 0\r\n\r\n`,
      () => `HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n`,
      () => `-ERR 'Authorization Violation'\r\n`,
      () => 'PING\r\nPONG\r\n+OK\r\n',
    ];
    return Buffer.from(Array.from({length: 1 + random.below(8)}, () => random.pick(parts)()).join(''), 'latin1');
  },
  read: (pieces) => {
    const seen: string[] = [];
    const parser = new ClientParser(
      {
        onInfo: (json) => void seen.push(`info ${json.length}`),
        onMessage: (message) => {
          if (message.headerBytes !== undefined) readHeaders(message.headerBytes);
          seen.push(`msg ${message.sid} ${message.subject} ${message.replyTo ?? ''} ${message.payload.length}`);
        },
        onPing: () => void seen.push('ping'),
        onPong: () => void seen.push('pong'),
        onOk: () => void seen.push('ok'),
        onError: (text) => void seen.push(`error ${text}`),
      },
      {infoLineBytesMax: controlLineBytesMax, payloadBytesMax},
    );
    return pushAll(parser, pieces, seen, controlLineBytesMax + payloadBytesMax);
  },
};

function readHeaders(block: Buffer): void {
  try {
    decodeHeaders(block);
  } catch (error) {
    errorCode(error);
  }
}

function pushAll(
  parser: {push(chunk: Buffer): void; readonly bufferedBytes: number},
  pieces: readonly Buffer[],
  seen: string[],
  bufferedMax: number,
): string {
  try {
    for (const piece of pieces) {
      parser.push(Buffer.from(piece));
      if (parser.bufferedBytes > bufferedMax) throw new Error(`the parser holds ${parser.bufferedBytes} bytes`);
    }
  } catch (error) {
    seen.push(errorCode(error));
  }
  return seen.join('\n');
}

const webSocketFrames: Target = {
  name: 'websocket-frames',
  make: (random) => {
    const frame = (): Buffer => {
      const isCompressed = random.below(3) === 0;
      const opcode = random.pick([2, 2, 2, 1, 0, 8, 9, 10]);
      const payload = random.bytes(random.below(opcode >= 8 ? 120 : 300));
      const bytes = isCompressed && opcode < 8 ? deflateMessage(payload) : payload;
      const mask = random.bytes(4);
      const head = encodeFrameHead({
        opcode,
        length: bytes.length,
        isFinal: opcode >= 8 || random.below(4) > 0,
        isCompressed: isCompressed && opcode < 8 && opcode > 0,
        mask,
      });
      return Buffer.concat([head, maskedCopy(bytes, mask)]);
    };
    return Buffer.concat(Array.from({length: 1 + random.below(6)}, frame));
  },
  read: (pieces) => {
    const seen: string[] = [];
    let payloadBytes = 0;
    const parser = new WebSocketFrameParser(
      {
        onPayload: (bytes) => void (payloadBytes += bytes.length),
        onPing: (bytes) => void seen.push(`ping ${bytes.length}`),
        onPong: () => void seen.push('pong'),
        onGoodbye: (code, reason) => {
          seen.push(`goodbye ${code ?? ''} ${reason}`);
          parser.stop();
        },
      },
      {mask: 'optional', isCompressed: true, inflatedBytesMax: () => 65_536},
    );
    try {
      for (const piece of pieces) parser.push(Buffer.from(piece));
    } catch (error) {
      // How much of a broken frame's payload was handed out before depends on the pieces; that it is refused does not.
      return `${seen.join('\n')}\n${errorCode(error)}`;
    }
    return `${seen.join('\n')}\n${payloadBytes}`;
  },
};

const key = 'dGhlIHNhbXBsZSBub25jZQ==';

const upgrade: Target = {
  name: 'websocket-upgrade',
  make: (random) =>
    Buffer.from(
      [
        random.pick(['GET / HTTP/1.1', 'GET /x?y=1 HTTP/1.1', 'HTTP/1.1 101 Switching Protocols']),
        'Host: broker.example.net:4333',
        'Upgrade: websocket',
        'Connection: keep-alive, Upgrade',
        `Sec-WebSocket-Key: ${key}`,
        'Sec-WebSocket-Version: 13',
        `Origin: ${random.pick(['https://a.example', 'null', 'https://[::1]:1', ''])}`,
        'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
      ].join('\r\n'),
      'latin1',
    ),
  read: (pieces) => {
    const text = Buffer.concat(pieces).toString('latin1');
    const answer = answerUpgrade(parseHttpHead(text), {
      isCompressionAllowed: true,
      allowedOrigins: ['https://a.example'],
      isSameOriginRequired: true,
      isTls: true,
      hasBytesBehind: false,
      nowMs: 0,
    });
    try {
      checkUpgradeResponse(text, key);
      return `${answer.response} accepted`;
    } catch (error) {
      return `${answer.response} ${errorCode(error)}`;
    }
  },
};

const targets: readonly Target[] = [serverFrames, clientFrames, webSocketFrames, upgrade];

/** A few changes of the kinds that break parsers: bytes, borders, numbers, repetition. */
function mutate(input: Buffer, random: SeededRandom): Buffer {
  let bytes = input;
  for (let count = random.below(6); count > 0 && bytes.length > 0; count -= 1) {
    const at = random.below(bytes.length);
    const end = at + random.below(Math.min(64, bytes.length - at) + 1);
    switch (random.below(7)) {
      case 0:
        bytes = Buffer.from(bytes);
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(16)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), random.pick(oddities), bytes.subarray(at)]);
        break;
      case 5:
        bytes = Buffer.from(bytes.toString('latin1').replace(/\d+/, random.pick(numbers)), 'latin1');
        break;
      default: {
        const piece = bytes.subarray(at, end);
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          ...Array.from({length: random.below(200)}, () => piece),
          bytes.subarray(at),
        ]);
      }
    }
    bytes = bytes.subarray(0, inputBytesMax);
  }
  return bytes;
}

const oddities = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  '-1',
  '{',
  '}',
  '"',
  '\u00ff\u00fe',
  '\r\n\r\n',
  'A'.repeat(5000),
].map((text) => Buffer.from(text, 'latin1'));
const numbers = ['0', '-1', '00000', '1e9', '0x10', '8193', '99999999999999999999', '4294967296', ''];

function split(input: Buffer, random: SeededRandom): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let start = 0; start < input.length; ) {
    const end = Math.min(input.length, start + 1 + random.below(random.below(2) === 0 ? 3 : 200));
    pieces.push(input.subarray(start, end));
    start = end;
  }
  return pieces;
}

function cpuMs(since?: NodeJS.CpuUsage): number {
  const {user, system} = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** What is wrong with this target's way with this input; undefined when nothing is. */
function problemOf(target: Target, input: Buffer, random: SeededRandom): string | undefined {
  const start = process.cpuUsage();
  try {
    const whole = target.read([input]);
    const spent = cpuMs(start);
    // Measured again, because a collection of garbage may have come between.
    if (spent > hangMs) {
      const again = process.cpuUsage();
      target.read([input]);
      if (cpuMs(again) > hangMs) return `it took ${spent.toFixed(0)} ms, expected at most ${hangMs} ms`;
    }
    const pieces = target.read(split(input, random));
    if (pieces !== whole) return `in pieces it says ${JSON.stringify(pieces)}, whole ${JSON.stringify(whole)}`;
    return undefined;
  } catch (error) {
    return `it threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

async function main(): Promise<number> {
  const {values} = jobArguments({
    name: 'fuzz',
    help: 'Throws broken input at the parsers that strangers reach before they have proven anything.',
    options: {
      minutes: {type: 'string', default: '1', value: 'N', help: 'Minutes of processor time'},
      seed: {type: 'string', default: '1', value: 'N', help: 'The first seed'},
      target: {
        type: 'string',
        value: 'NAME',
        help: `Only this parser: ${targets.map(({name}) => name).join(', ')}`,
      },
    },
  });
  const minutes = jobNumber(values.minutes, {job: 'fuzz', name: 'minutes'});
  const firstSeed = jobNumber(values.seed, {job: 'fuzz', name: 'seed', isWhole: true});
  const chosen = targets.filter(({name}) => values.target === undefined || name === values.target);
  if (chosen.length === 0) refuseJob('fuzz', `there is no target "${String(values.target)}"`);
  let residentMax = 0;
  let inputs = 0;
  let inputBytes = 0;
  const start = process.cpuUsage();
  for (let seed = firstSeed; cpuMs(start) < minutes * 60_000; seed += 1) {
    for (const target of chosen) {
      const random = createSeededRandom(seed);
      for (let count = 0; count < 500; count += 1) {
        const input = mutate(target.make(random), random);
        inputs += 1;
        inputBytes += input.length;
        const problem = problemOf(target, input, random);
        if (problem === undefined) continue;
        process.stdout.write(`${target.name}, seed ${seed}, input ${count}: ${problem}\n${input.toString('base64')}\n`);
        return 1;
      }
    }
    // zlib gives its memory back between turns of the event loop.
    await turn();
    residentMax = Math.max(residentMax, process.memoryUsage.rss());
    if (residentMax > residentBytesMax) {
      process.stdout.write(
        `seed ${seed}: the process uses ${residentMax} bytes, expected at most ${residentBytesMax}\n`,
      );
      return 1;
    }
  }
  process.stdout.write(
    `${JSON.stringify({
      job: 'fuzz',
      targets: chosen.map(({name}) => name),
      cpuMinutes: Number((cpuMs(start) / 60_000).toFixed(1)),
      inputs,
      inputMegabytes: Math.round(inputBytes / 1e6),
      residentMegabytesMax: Math.round(residentMax / 1e6),
      problems: 0,
    })}\n`,
  );
  return 0;
}

process.exitCode = await main();
