/** A logger that remembers its lines, for tests that ask what was logged. */
import type {LogFields, Logger, LogLevel} from '../../src/lib/logger.ts';

export interface RecordedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface RecordingLogger extends Logger {
  readonly lines: readonly RecordedLine[];
}

export function createRecordingLogger(): RecordingLogger {
  const lines: RecordedLine[] = [];
  const withFields = (base: LogFields): Logger => {
    const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
      lines.push({level, message, fields: {...base, ...fields}});
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      fatal: at('fatal'),
      child: (fields) => withFields({...base, ...fields}),
      isEnabled: () => true,
    };
  };
  return {...withFields({}), lines};
}
