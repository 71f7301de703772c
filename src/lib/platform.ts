/**
 * Everything a core may want from the world outside: time, randomness, files, sockets, names, processes, environment.
 *
 * Cores take the parts they need as arguments; only `node-platform.ts` and the other edge files named in
 * `test/architecture.test.ts` touch the real ones. That is what lets a whole fleet run in one process, on a simulated clock and
 * network, from one seed.
 */
import type {HttpClient} from './http.ts';
import type {HttpServers} from './http-server.ts';
import type {ByteStream, ConnectOptions, ListenOptions, Listener} from './network.ts';

export interface TimerHandle {
  cancel(): void;
}

export interface Clock {
  /** Wall clock: milliseconds since 1970, may jump. For protocol times and logs. */
  nowMs(): number;
  /** Never goes backward, starts anywhere, sub-millisecond. For intervals and timeouts. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; never keeps a process alive when `background` is true. */
  setTimer(callback: () => void, delayMs: number, options?: {readonly background?: boolean}): TimerHandle;
}

export interface Random {
  /** `count` bytes fit for keys, nonces and ids. */
  bytes(count: number): Buffer;
  /** Uniform in [0, 1). For jitter and fair choice, never for secrets. */
  float(): number;
}

export interface FileInfo {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  readonly uid: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileInfo['kind'];
}

/** An append-only file that stays open. */
export interface AppendHandle {
  append(data: Uint8Array): Promise<void>;
  /** Returns once everything appended survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The disk. Failures are errors with a Node style `code` (`ENOENT`, `EACCES`, `ENOSPC`, ...).
 *
 * `read` refuses what is not a regular file (FIFO, device) and what is larger than `limitBytes`: no file may block or
 * exhaust the process.
 */
export interface Files {
  read(path: string, options: {readonly limitBytes: number}): Promise<Buffer>;
  /** All or nothing: a temporary file beside `path`, synced, then renamed over it. */
  writeAtomic(path: string, data: string | Uint8Array, options: {readonly mode: number}): Promise<void>;
  openAppend(path: string, options: {readonly mode: number}): Promise<AppendHandle>;
  stat(path: string): Promise<FileInfo>;
  /** As `stat`, of the link itself. */
  lstat(path: string): Promise<FileInfo>;
  list(path: string): Promise<DirectoryEntry[]>;
  makeDirectory(path: string, options: {readonly mode: number; readonly recursive?: boolean}): Promise<void>;
  /** A new private (0700) directory whose name starts with `prefix`, in the system's temporary directory. */
  makeTempDirectory(prefix: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string, options?: {readonly recursive?: boolean}): Promise<void>;
  realPath(path: string): Promise<string>;
  /** Gives a file to a group, by its number. Absent where there are no groups. */
  changeGroup?(path: string, groupId: number): Promise<void>;
}

export interface Network {
  connect(options: ConnectOptions): Promise<ByteStream>;
  listen(options: ListenOptions, onConnection: (stream: ByteStream) => void): Promise<Listener>;
}

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Look-ups are bounded in time by the signal given. */
export interface Names {
  resolveSrv(name: string, options: {readonly signal: AbortSignal}): Promise<SrvRecord[]>;
  lookup(hostname: string, options: {readonly signal: AbortSignal}): Promise<string[]>;
  reverse(address: string, options: {readonly signal: AbortSignal}): Promise<string[]>;
  /** Number of a group of this host; undefined when there is none of that name. Absent where there are no groups. */
  groupId?(name: string, options: {readonly signal: AbortSignal}): Promise<number | undefined>;
}

export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Written to standard input, which is then closed. Absent: the null device. */
  readonly input?: Uint8Array;
  /** Standard input is a pipe that ends when this process does, however it ends; nothing is written to it. */
  readonly holdsInput?: boolean;
  /** Standard input is a pipe that `RunningProcess.write` writes to; it ends when this process does. */
  readonly opensInput?: boolean;
  /** The whole process group is killed when this passes. */
  readonly timeoutMs: number;
  /** Output beyond this is counted and dropped. */
  readonly outputBytesMax: number;
  readonly signal?: AbortSignal;
  /** Called with each whole line, without its end, as it arrives. */
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
  /** Takes standard output as it comes, instead of it being kept or cut into lines. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** The same for standard error. */
  readonly onErrorOutput?: (chunk: Buffer) => void;
}

export interface ProcessResult {
  /** Exit code, or null when it ended by a signal. */
  readonly exitCode: number | null;
  readonly signalName: string | null;
  readonly timedOut: boolean;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly droppedBytes: number;
}

/** A program that goes on beside us. */
export interface RunningProcess {
  readonly pid: number;
  /** Resolves when it has ended, however it did. */
  readonly exited: Promise<ProcessResult>;
  /** To the whole process group; nothing happens when it has ended. */
  signal(name: NodeJS.Signals): void;
  /** To standard input, for requests with `opensInput`; what a process that has ended is told is dropped. */
  write?(data: Uint8Array): void;
}

export interface Processes {
  /** Runs to the end. Rejects only when the program cannot be started. */
  run(request: ProcessRequest): Promise<ProcessResult>;
  /** Starts and goes on; `request.signal` ends it with SIGTERM. Rejects only when the program cannot be started. */
  start(request: Omit<ProcessRequest, 'timeoutMs'>): Promise<RunningProcess>;
  /**
   * Starts a program that has nothing more to do with this process: a session of its own, no pipes. It goes on when this one ends.
   * Rejects when it cannot be started. Absent where there is no such thing.
   *
   * @returns its process number
   */
  detach?(request: Pick<ProcessRequest, 'command' | 'args' | 'env' | 'cwd'>): Promise<number>;
  /** Puts the same program, started anew with the same arguments, in the place of this process. Absent where that cannot be done. */
  replace?(): void;
}

/** What is known of the host and the user of this process. */
export interface HostInfo {
  readonly hostname: string;
  /** Effective user id; -1 where there is none. */
  readonly uid: number;
  readonly pid: number;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly homeDirectory: string | undefined;
  /** The name that the system knows `uid` by; absent where it has none. */
  readonly userName?: string | undefined;
  readonly workingDirectory: string;
  readonly tempDirectory: string;
  readonly cpuCount: number;
  /** How this same program is started again: for re-execution and for programs that it starts beside itself. */
  readonly self: {readonly command: string; readonly args: readonly string[]};
}

export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly network: Network;
  readonly http: HttpClient;
  readonly httpServers: HttpServers;
  readonly names: Names;
  readonly processes: Processes;
  readonly host: HostInfo;
  /** Asks whoever sits at the terminal for a secret, which is not shown. Absent where nobody does; undefined when nothing was answered. */
  readonly askSecret?: (question: string) => Promise<string | undefined>;
  /** The environment variables, read only. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Waits `delayMs`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, options: {readonly signal?: AbortSignal} = {}): Promise<void> {
  const {signal} = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, {once: true});
  });
}
