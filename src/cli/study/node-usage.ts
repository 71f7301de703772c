/** Processor time and memory of processes, as Linux tells them. Edge file: reads /proc, where files have no size and never block. */
import {readdirSync, readFileSync} from 'node:fs';

export interface ProcessUsage {
  readonly pid: number;
  readonly parent: number;
  readonly cpuSeconds: number;
  /** Of children that have ended and were waited for. */
  readonly endedChildrenSeconds: number;
  readonly rssBytes: number;
}

/** Linux counts in hundredths for every program, whatever the kernel does. */
const ticksPerSecond = 100;
const pageBytes = 4096;

/** All processes of the machine; empty where there is no /proc. */
export function readProcesses(): ReadonlyMap<number, ProcessUsage> {
  const found = new Map<number, ProcessUsage>();
  let names: readonly string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return found;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const usage = readOne(Number(name));
    if (usage !== undefined) found.set(usage.pid, usage);
  }
  return found;
}

function readOne(pid: number): ProcessUsage | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // It has ended since the list was made.
    return undefined;
  }
  // The name before it may hold anything, also brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (index: number): number => Number(fields[index] ?? 0);
  return {
    pid,
    parent: number(1),
    cpuSeconds: (number(11) + number(12)) / ticksPerSecond,
    endedChildrenSeconds: (number(13) + number(14)) / ticksPerSecond,
    rssBytes: number(21) * pageBytes,
  };
}

/** A process and everything below it. */
export function treeOf(all: ReadonlyMap<number, ProcessUsage>, pid: number): readonly ProcessUsage[] {
  const own = all.get(pid);
  if (own === undefined) return [];
  const children = [...all.values()].filter((item) => item.parent === pid && item.pid !== pid);
  return [own, ...children.flatMap((child) => treeOf(all, child.pid))];
}
