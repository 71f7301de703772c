/** Where the rendered part of a request goes: standard output, or a file that must be writable before anything is sent. */
import {CliError} from '../errors.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {isGiven} from './network.ts';

/** What takes precedence when several are given: from the first to the last. */
export type OutputMode = 'senders' | 'json' | 'jsonl' | 'table' | 'text';

export function outputMode(parsed: ParsedArguments): OutputMode {
  const modes: readonly OutputMode[] = ['senders', 'json', 'jsonl', 'table'];
  return modes.find((mode) => isGiven(parsed, mode)) ?? 'text';
}

export interface Output {
  readonly isFile: boolean;
  write(text: string): void;
  /** Puts everything into the file. */
  close(): Promise<void>;
}

const fileMode = 0o644;

export async function openOutput(context: CliContext, path: string | undefined): Promise<Output> {
  if (path === undefined || path === '') {
    return {
      isFile: false,
      write: (text) => context.stdout.write(text),
      close: () => Promise.resolve(),
    };
  }
  const {files} = context.platform;
  const failed = (error: unknown): CliError =>
    new CliError('ERR_CLI_FAILED', `failed to create output-file: ${errorMessage(error)}`, {
      cause: error,
      details: {path},
    });
  const parts: string[] = [];
  const save = (): Promise<void> =>
    files.writeAtomic(path, parts.join(''), {mode: fileMode}).catch((error: unknown) => {
      throw failed(error);
    });
  await save();
  return {isFile: true, write: (text) => void parts.push(text), close: save};
}
