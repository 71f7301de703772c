/** What this process uses. Edge file: asks the process. */
import type {ProcessUsage} from './view.ts';

/** Shares are measured between two looks that are at least this far apart. */
const spanMsMin = 100;

export function createProcessUsage(cores: number): () => ProcessUsage {
  let lastTime = performance.now();
  let lastUsage = process.cpuUsage();
  let cpuPercent = 0;
  return () => {
    const span = performance.now() - lastTime;
    if (span >= spanMsMin) {
      const used = process.cpuUsage(lastUsage);
      cpuPercent = Math.round((used.user + used.system) / 10 / span);
      lastTime = performance.now();
      lastUsage = process.cpuUsage();
    }
    return {rssBytes: process.memoryUsage.rss(), cpuPercent, cores};
  };
}
