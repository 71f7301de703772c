import type {parseArgs, ParseArgsConfig} from 'node:util';

type Descriptor = NonNullable<ParseArgsConfig['options']>[string];

/** One option, with what `--help` says of it; `value` stands for its value there, as `N`. */
type JobOption = Descriptor & {readonly help: string; readonly value?: string};
type JobOptions = Readonly<Record<string, JobOption>>;

export interface Job<O extends JobOptions> {
  /** The npm script. */
  readonly name: string;
  readonly help: string;
  readonly options: O;
  /** What words without dashes are; without it there are none. */
  readonly words?: {readonly name: string; readonly help: string};
}

/** Ends the process with 2: the job cannot do what was asked. */
export function refuseJob(name: string, reason: string): never;

/**
 * Ends the process for `--help` and for words that the job does not take.
 *
 * @param words  of the process when left out
 */
export function jobArguments<const O extends JobOptions>(
  job: Job<O>,
  words?: readonly string[],
): {
  readonly values: ReturnType<typeof parseArgs<{options: O}>>['values'];
  readonly positionals: readonly string[];
};

/** The number above 0 that an option holds; ends the process when it is none. */
export function jobNumber(
  text: string,
  option: {readonly job: string; readonly name: string; readonly isWhole?: boolean},
): number;
