/** Bounds of the emulator's command. */

/** Servers of one command; a process opens at most 20,000 files, so they are of several processes. */
export const serversMax = 1_000_000;
/** Processes of one command. */
export const processesMax = 256;
/** Emulated agents of each server; each costs a subscription in each collective. */
export const agentsMax = 256;
export const collectivesMax = 64;
export const settingsFileBytesMax = 1_048_576;
/** How often the processes tell their counters to the one that started them, unless `--metrics` says otherwise. */
export const childMetricsIntervalMs = 1_000;
/** Output of one process that is kept for an error message. */
export const childOutputBytesMax = 64 * 1024;
/** Young objects of a process of thousands of servers, in MiB for each of its halves: with Node's own 16 a fifth of the time goes into copying them. */
export const youngMegabytes = 64;
/**
 * For processes of thousands of servers that are given huge pages: the memory of the C library in pages of 2 MB, of which the processor remembers more places than
 * of small ones, freed memory kept for the next broadcast, and two arenas in place of one for each thread.
 */
export const hugePagesTunables =
  'glibc.malloc.hugetlb=1:glibc.malloc.tcache_count=1000:glibc.malloc.trim_threshold=268435456:glibc.malloc.top_pad=16777216:glibc.malloc.arena_max=2';
/** How long processes may take to say goodbye to the broker for all their servers before they are killed. */
export const childStopMs = 30_000;
/** Emulators that the agent `emulator` runs at once on a machine. */
export const controlledMax = 64;
/** The answer of an emulator's monitor is less than a kilobyte. */
export const statusBytesMax = 65_536;
/** Servers of one process that are on their way at once; more only makes each of them slower. */
export const startsAtOnceMax = 4096;
