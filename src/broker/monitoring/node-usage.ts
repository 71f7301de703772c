/** What this process uses. Edge file: asks the process. */
import type {Platform} from '../../lib/platform.ts';
import type {ProcessUsage} from './view.ts';

/** Shares are measured between two looks that are at least this far apart. */
const spanMsMin = 100;

export function createProcessUsage({clock, host}: Pick<Platform, 'clock' | 'host'>): () => ProcessUsage {
  let lastTime = clock.monotonicMs();
  let lastUsage = process.cpuUsage();
  let cpuPercent = 0;
  return () => {
    const span = clock.monotonicMs() - lastTime;
    if (span >= spanMsMin) {
      const used = process.cpuUsage(lastUsage);
      cpuPercent = Math.round((used.user + used.system) / 10 / span);
      lastTime = clock.monotonicMs();
      lastUsage = process.cpuUsage();
    }
    return {rssBytes: process.memoryUsage.rss(), cpuPercent, cores: host.cpuCount};
  };
}
