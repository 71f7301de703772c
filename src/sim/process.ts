/**
 * A simulated process on a simulated host: its clock, its view of disk and network, and its end.
 *
 * After `kill` nothing of it runs again: timers never fire, files and streams never answer. The promises it waited for are left to the
 * garbage collector, as a real process's memory is.
 */
import type {Clock, Files, HostInfo, Platform, ProcessRequest, ProcessResult, TimerHandle} from '../lib/platform.ts';
import type {SimDisk} from './disk.ts';
import type {SimNetwork} from './network.ts';
import type {SimRandom} from './random.ts';
import type {Due, Timeline} from './timeline.ts';

export interface SimHost {
  readonly name: string;
  readonly address: string;
  readonly disk: SimDisk;
  /** Added to the simulation's wall clock: skew and jumps. */
  clockOffsetMs: number;
  /** How long a disk operation takes at most. */
  diskDelayMs: number;
}

/** Reading from a disk that is no slower than this takes no time. */
const memoryDelayMs = 5;
const never = new Promise<never>(() => undefined);

export class SimProcess {
  readonly clock: Clock;
  readonly platform: Platform;
  readonly #host: SimHost;
  readonly #timeline: Timeline;
  readonly #network: SimNetwork;
  readonly #startWallMs: number;
  #alive = true;
  #paused = false;
  #waiting: (() => void)[] = [];
  #timers = 0;

  constructor(options: {
    readonly host: SimHost;
    readonly pid: number;
    readonly timeline: Timeline;
    readonly network: SimNetwork;
    readonly random: SimRandom;
    /** Wall clock of the whole simulation at its start. */
    readonly startWallMs: number;
    readonly env: Readonly<Record<string, string>>;
    /** Other programs of the host; none when absent. */
    readonly programs?: (request: ProcessRequest) => Promise<ProcessResult>;
  }) {
    this.#host = options.host;
    this.#timeline = options.timeline;
    this.#network = options.network;
    this.#startWallMs = options.startWallMs;
    this.clock = {
      nowMs: () => Math.floor(this.wallMs()),
      monotonicMs: () => this.#timeline.nowMs,
      setTimer: (callback, delayMs) => this.#setTimer(callback, delayMs),
    };
    this.platform = {
      clock: this.clock,
      random: options.random,
      files: this.#files(options.random),
      network: {
        connect: (connecting) => this.#network.connect(this, connecting),
        listen: (listen, onConnection) => this.#network.listen(this, {listen, onConnection}),
      },
      names: {
        resolveSrv: async () => [],
        lookup: async (hostname) => [hostname],
        reverse: async () => [],
      },
      processes: {
        run: async (request) => {
          if (options.programs === undefined) throw new Error('There are no other programs on this simulated host');
          return options.programs(request);
        },
        start: async () => Promise.reject(new Error('There are no other programs in a simulation')),
      },
      http: {request: async () => Promise.reject(new Error('There are no web servers in a simulation'))},
      httpServers: {listen: async () => Promise.reject(new Error('There are no web servers in a simulation'))},
      host: hostInfo(options.host.name, options.pid),
      env: options.env,
    };
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  get hostName(): string {
    return this.#host.name;
  }

  get address(): string {
    return this.#host.address;
  }

  /** Timers that wait; a process that does nothing has few. */
  get pendingTimers(): number {
    return this.#timers;
  }

  wallMs(): number {
    return this.#startWallMs + this.#timeline.nowMs + this.#host.clockOffsetMs;
  }

  /** Stops everything it does until `resume`, as SIGSTOP. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) this.whenRunning(callback);
  }

  /** Ends it at once. `silently`: its host went with it, so nobody is told. */
  kill(options: {readonly silently: boolean}): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#waiting = [];
    if (options.silently) this.#network.setPower(this.hostName, false);
    this.#network.closeStreamsOf(this, options);
  }

  /** Runs now, or after a pause, or never. */
  whenRunning(callback: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) this.#waiting.push(callback);
    else callback();
  }

  #setTimer(callback: () => void, delayMs: number): TimerHandle {
    this.#timers += 1;
    let isDone = false;
    const done = (): boolean => {
      if (isDone) return false;
      isDone = true;
      this.#timers -= 1;
      return true;
    };
    const due: Due = this.#timeline.after(delayMs, () => this.whenRunning(() => done() && callback()));
    return {
      cancel: () => {
        if (done()) due.cancel();
      },
    };
  }

  #files(random: SimRandom): Files {
    const wait = (): Promise<void> => {
      if (!this.#alive) return never;
      return new Promise((resolve) => {
        this.#timeline.after(random.float() * this.#host.diskDelayMs, () => this.whenRunning(resolve));
      });
    };
    // What is read lies in memory, unless the disk is slow.
    const waitToRead = (): Promise<void> => {
      if (this.#host.diskDelayMs > memoryDelayMs) return wait();
      return this.#alive ? new Promise((resolve) => this.whenRunning(resolve)) : never;
    };
    return this.#host.disk.files({wait, waitToRead, nowMs: () => this.wallMs()});
  }
}

function hostInfo(hostname: string, pid: number): HostInfo {
  return {
    hostname,
    uid: 0,
    pid,
    platform: 'linux',
    arch: 'x64',
    homeDirectory: '/root',
    workingDirectory: '/',
    tempDirectory: '/tmp',
    cpuCount: 2,
    self: {command: '/usr/bin/choria', args: []},
  };
}
