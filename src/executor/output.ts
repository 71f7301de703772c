/** Lines of a job on their way to the stream: gathered for a second, or until the other output speaks. */
import {StringDecoder} from 'node:string_decoder';
import type {Clock, TimerHandle} from '../lib/platform.ts';
import {executorLimits} from './limits.ts';

type Stream = 'stdout' | 'stderr';

export interface OutputPublisher {
  take(stream: Stream, chunk: Buffer): void;
  /** Publishes the rest. */
  finish(): Promise<void>;
}

export function createOutputPublisher(options: {
  readonly clock: Clock;
  readonly publish: (stream: Stream, payload: Buffer) => Promise<void>;
}): OutputPublisher {
  const {clock, publish} = options;
  const parts: Record<Stream, {readonly decoder: StringDecoder; rest: string}> = {
    stdout: {decoder: new StringDecoder('utf8'), rest: ''},
    stderr: {decoder: new StringDecoder('utf8'), rest: ''},
  };
  let lines = '';
  let source: Stream = 'stdout';
  let timer: TimerHandle | undefined;
  let sending: Promise<void> = Promise.resolve();

  const flush = (): void => {
    timer?.cancel();
    timer = undefined;
    if (lines === '') return;
    const payload = Buffer.from(lines, 'utf8');
    const stream = source;
    lines = '';
    sending = sending.then(() => publish(stream, payload));
  };
  const add = (stream: Stream, text: string): void => {
    if (text === '') return;
    if (stream !== source) flush();
    source = stream;
    lines += text;
    if (lines.length >= executorLimits.publishedBytesMax / 3) flush();
    else timer ??= clock.setTimer(flush, executorLimits.publishIntervalMs);
  };
  return {
    take(stream, chunk) {
      const part = parts[stream];
      const text = part.rest + part.decoder.write(chunk);
      // A line that does not end within the bound goes out in pieces.
      const isLong = text.length >= executorLimits.publishedBytesMax / 3;
      const end = isLong ? text.length : text.lastIndexOf('\n') + 1;
      part.rest = text.slice(end);
      add(stream, text.slice(0, end));
    },
    async finish() {
      for (const stream of ['stdout', 'stderr'] as const) {
        const part = parts[stream];
        add(stream, part.rest + part.decoder.end());
        part.rest = '';
      }
      flush();
      await sending;
    },
  };
}
