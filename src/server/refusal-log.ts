/**
 * Logs refusals without letting a flood of bad messages fill the disk: the first of a kind at once, the others as a number once a
 * second.
 */
import type {LogFields, Logger, LogLevel} from '../lib/logger.ts';
import type {Clock} from '../lib/platform.ts';
import {serverLimits} from './limits.ts';

export interface RefusalLog {
  write(
    kind: string,
    entry: {readonly level: Exclude<LogLevel, 'fatal'>; readonly message: string; readonly fields?: LogFields},
  ): void;
}

export function createRefusalLog(options: {readonly logger: Logger; readonly clock: Clock}): RefusalLog {
  const {logger, clock} = options;
  const kinds = new Map<string, {quietUntilMs: number; held: number}>();
  return {
    write(kind, {level, message, fields}) {
      if (!logger.isEnabled(level)) return;
      const nowMs = clock.monotonicMs();
      const state = kinds.get(kind);
      if (state !== undefined && nowMs < state.quietUntilMs) {
        state.held++;
        return;
      }
      const held = state?.held ?? 0;
      kinds.set(kind, {quietUntilMs: nowMs + serverLimits.refusalLogIntervalMs, held: 0});
      logger[level](message, held === 0 ? fields : {...fields, similar_before: held});
    },
  };
}
