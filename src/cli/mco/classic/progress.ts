/** The twirling bar of the classic client: `* [ ====> ] 5 / 5`, or only the count where nobody watches. */
import type {TextSink} from '../../types.ts';
import type {ClassicPaint} from '../style.ts';

const twirl = ['|', '/', '-', '\\', '|', '/', '-', '\\'] as const;
const barColumnsMax = 60;
const besideColumns = 22;

export interface ClassicProgress {
  start(): void;
  advance(): void;
  stop(): void;
}

function barColumns(sink: TextSink): number {
  return sink.isTerminal ? Math.min(barColumnsMax, Math.max(0, (sink.columns ?? 80) - besideColumns)) : 0;
}

export function createClassicProgress(options: {
  readonly sink: TextSink;
  readonly paint: ClassicPaint;
  readonly total: number;
}): ClassicProgress {
  const {sink, paint, total} = options;
  let done = 0;
  let turn = 0;
  const show = (): void => {
    const columns = barColumns(sink);
    if (columns === 0) {
      sink.write(`\r${done} / ${total}`);
      return;
    }
    const mark = done === total ? paint.green('*') : paint.red(twirl[turn % twirl.length] ?? '|');
    const filled = Math.round((Math.min(done, total) / total) * columns);
    turn += 1;
    sink.write(`\r ${mark} [ ${'='.repeat(filled)}>${' '.repeat(columns - filled)} ] ${done} / ${total}`);
  };
  return {
    start: () => {
      sink.write('\n');
      show();
    },
    advance: () => {
      done += 1;
      show();
    },
    stop: () => sink.write('\n\n'),
  };
}
