/**
 * The progress bar of requests, in the exact stream that users' programs know (cli.md 1.5; golden: `req-options.json tty-*`):
 * one line, redrawn by going up a line and clearing it, also when nobody watches.
 *
 * Our own, because cli-progress writes other control sequences, hides the cursor and is silent where there is no terminal
 * (docs/design/dependencies.md). A frame is written at most every 10 ms and only when it differs from the last one.
 */
import type {Clock, TimerHandle} from '../../lib/platform.ts';
import type {TextSink} from '../types.ts';
import type {Paint} from './colour.ts';

const redrawMs = 10;
const columnsDefault = 80;
/** Columns that the counts, the time and the percentage may need beside the bar. */
const besideBarColumns = 30;
const columnsMin = 35;
const barColumnsMax = 80;
const elapsedColumns = 5;

export interface ProgressOptions {
  readonly sink: TextSink;
  readonly clock: Clock;
  readonly paint: Paint;
  readonly total: number;
  /** What is shown instead when the terminal is too narrow, such as `rpcutil#ping`. */
  readonly what: string;
}

export interface Progress {
  start(): void;
  /** Counts one more reply. */
  advance(): void;
  /** Draws the last state and the blank line behind it. */
  stop(): void;
}

function elapsedText(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return '---'.padStart(elapsedColumns);
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${head}${seconds % 60}s`.padStart(elapsedColumns);
}

/** The bar alone, brackets included. */
export function renderBar(done: number, columns: number): string {
  const filled = Math.floor(columns * done);
  const letters: string[] = Array.from({length: columns}, (_unused, index) => (index < filled ? '=' : '-'));
  if (filled > 0 && filled < columns) letters[filled - 1] = '>';
  letters[0] = '[';
  letters[columns - 1] = ']';
  return letters.join('');
}

export interface FrameState {
  readonly current: number;
  readonly total: number;
  /** Since the first reply; undefined before it. */
  readonly elapsedMs: number | undefined;
  readonly columns: number;
}

/** One frame without its line end. */
export function renderFrame(state: FrameState, paint: Paint): string {
  const done = state.total === 0 ? 1 : Math.min(1, state.current / state.total);
  const count = `${state.current} / ${state.total}`;
  const shown = state.current >= state.total ? paint.green(count) : paint.red(count);
  const bar = renderBar(done, Math.min(barColumnsMax, state.columns - besideBarColumns));
  return `${shown} ${elapsedText(state.elapsedMs)} ${bar} ${(done * 100).toFixed(0).padStart(3)}%`;
}

function startBar(options: ProgressOptions, columns: number): Progress {
  const {sink, clock, paint, total} = options;
  let current = 0;
  let firstReplyMs: number | undefined;
  let shown: string | undefined;
  let timer: TimerHandle | undefined;
  const frame = (): string => {
    const elapsedMs = firstReplyMs === undefined ? undefined : clock.monotonicMs() - firstReplyMs;
    return renderFrame({current, total, elapsedMs, columns}, paint);
  };
  const draw = (): void => {
    const next = frame();
    if (next === shown) return;
    sink.write(`${shown === undefined ? '' : '\u001b[1A\u001b[2K'}${next}\n`);
    shown = next;
  };
  const schedule = (delayMs: number): void => {
    timer = clock.setTimer(
      () => {
        draw();
        // The seconds go on while nothing arrives.
        schedule(1000);
      },
      delayMs,
      {background: true},
    );
  };
  let dueSoon = false;
  return {
    start() {
      sink.write('\n');
      draw();
      schedule(1000);
    },
    advance() {
      firstReplyMs ??= clock.monotonicMs();
      current += 1;
      if (dueSoon) return;
      dueSoon = true;
      timer?.cancel();
      timer = clock.setTimer(
        () => {
          dueSoon = false;
          draw();
          schedule(1000);
        },
        redrawMs,
        {background: true},
      );
    },
    stop() {
      timer?.cancel();
      draw();
      sink.write('\n');
    },
  };
}

/** A bar, or the one line that stands for it on a narrow terminal. */
export function createProgress(options: ProgressOptions): Progress {
  const columns = options.sink.columns ?? columnsDefault;
  if (columns >= columnsMin) return startBar(options, columns);
  return {
    start() {
      options.sink.write(`\nInvoking ${options.what} action\n\n`);
    },
    advance() {},
    stop() {},
  };
}
