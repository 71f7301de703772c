import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {createFrameReader, encodeFrame, type Frame} from './frames.ts';

describe('frames of workers', () => {
  test('come out as they went in, wherever the stream is cut', () => {
    const frame = fc.record({t: fc.string(), id: fc.integer(), data: fc.array(fc.string())});
    fc.assert(
      fc.property(fc.array(frame, {maxLength: 5}), fc.array(fc.integer({min: 1, max: 40})), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map((item) => encodeFrame(item as Frame)));
        const reader = createFrameReader(100_000);
        const found: Frame[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          found.push(...reader.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        expect(found).toEqual(frames);
      }),
    );
  });

  test('are read a byte at a time', () => {
    const reader = createFrameReader(100);
    const bytes = encodeFrame({t: 'ready', text: 'ä'});
    const found = [...bytes].flatMap((byte) => reader.push(Uint8Array.of(byte)));
    expect(found).toEqual([{t: 'ready', text: 'ä'}]);
  });

  test.each([
    ['too long', Buffer.from([0, 0, 1, 0]), 'a frame has 256 bytes, expected at most 100'],
    ['no JSON', Buffer.from([0, 0, 0, 1, 0x7b]), 'holds no JSON'],
    ['no object', Buffer.from([0, 0, 0, 2, 0x5b, 0x5d]), 'holds no object with a "t"'],
    ['agent output', Buffer.from('Hello from an agent that prints\n'), 'expected at most 100'],
  ])('that are %s are refused', (_what, bytes, message) => {
    expect(() => createFrameReader(100).push(bytes)).toThrow(message);
  });
});
