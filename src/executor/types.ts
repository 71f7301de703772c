/** What a job is, before and while it runs. */

/** What is run and for whom. */
export interface NewJob {
  /** Absolute path, or a name that is looked up in PATH. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to PATH; nothing else of the server's environment is passed on. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly heartbeatMs?: number;
  /** Publishes the lines of the output as they come. */
  readonly trackOutput?: boolean;
}

export interface JobSpec extends Required<Pick<NewJob, 'command' | 'args' | 'environment'>> {
  readonly id: string;
  readonly caller: string;
  readonly agent: string;
  readonly action: string;
  readonly requestId: string;
  readonly identity: string;
  readonly createdMs: number;
  readonly startedMs?: number;
  readonly terminatedMs?: number;
  readonly heartbeatMs?: number;
}
