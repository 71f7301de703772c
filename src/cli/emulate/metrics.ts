/** The counters of an emulator, of one process or several, in the forms that people and machines read. */
import type {EmulatorTotals} from '../../server/index.ts';

export interface EmulatorMemory {
  readonly rssMegabytes: number;
  readonly heapMegabytes: number;
}

/** One look at one process. */
export interface EmulatorSample extends EmulatorTotals, EmulatorMemory {
  readonly pid: number;
  /** Processor time since the start, of user and system. */
  readonly cpuSeconds: number;
}

const zero: Omit<EmulatorSample, 'pid'> = {
  servers: 0,
  connected: 0,
  total: 0,
  passed: 0,
  filtered: 0,
  replies: 0,
  replayed: 0,
  refused: 0,
  rssMegabytes: 0,
  heapMegabytes: 0,
  cpuSeconds: 0,
};

/** All processes together, under the number of the one that started them. */
export function sumSamples(samples: Iterable<EmulatorSample>, pid: number): EmulatorSample {
  const sum = {...zero};
  for (const sample of samples) {
    for (const key of Object.keys(zero) as (keyof typeof zero)[]) sum[key] += sample[key];
  }
  const rounded = (value: number): number => Math.round(value * 10) / 10;
  return {
    ...sum,
    rssMegabytes: rounded(sum.rssMegabytes),
    heapMegabytes: rounded(sum.heapMegabytes),
    cpuSeconds: Math.round(sum.cpuSeconds * 1000) / 1000,
    pid,
  };
}

/** Reads what another process wrote; undefined for a line that is no sample. */
export function parseSample(line: string): EmulatorSample | undefined {
  if (!line.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const raw = value as Readonly<Record<string, unknown>>;
  const names = [...Object.keys(zero), 'pid'];
  if (!names.every((name) => typeof raw[name] === 'number')) return undefined;
  return Object.fromEntries(names.map((name) => [name, raw[name]])) as unknown as EmulatorSample;
}

const gauges: readonly (readonly [
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  of: (sample: EmulatorSample) => number,
])[] = [
  ['servers', 'gauge', 'Servers that were started', (sample) => sample.servers],
  ['connected', 'gauge', 'Servers that are connected to a broker', (sample) => sample.connected],
  ['messages_total', 'counter', 'Messages received by all servers', (sample) => sample.total],
  ['passed_total', 'counter', 'Messages whose filter matched', (sample) => sample.passed],
  ['filtered_total', 'counter', 'Messages whose filter did not match', (sample) => sample.filtered],
  ['replies_total', 'counter', 'Replies sent', (sample) => sample.replies],
  ['replayed_total', 'counter', 'Messages refused because they were accepted before', (sample) => sample.replayed],
  ['refused_total', 'counter', 'Messages refused because there was no room', (sample) => sample.refused],
  ['resident_memory_bytes', 'gauge', 'Resident memory of all processes', (sample) => sample.rssMegabytes * 1_048_576],
  ['cpu_seconds_total', 'counter', 'Processor time of all processes', (sample) => sample.cpuSeconds],
];

/** The text that Prometheus reads. */
export function prometheusText(sample: EmulatorSample): string {
  return gauges
    .map(([name, type, help, of]) => {
      const full = `choria_emulator_${name}`;
      return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full} ${of(sample)}\n`;
    })
    .join('');
}

/** What the reference's agent asks a running emulator for: its name, its process, whether it uses TLS, its memory. */
export function statusDocument(
  sample: EmulatorSample,
  facts: {readonly name: string; readonly isTls: boolean},
): string {
  const {pid, ...counters} = sample;
  return JSON.stringify({
    name: facts.name,
    config: {pid, TLS: facts.isTls ? 1 : 0},
    memstats: {Sys: Math.round(sample.rssMegabytes * 1_048_576)},
    emulator: counters,
  });
}
