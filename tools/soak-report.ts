/** What a soak says: figures and a curve. */

export interface SoakSample {
  /** Answered so far. */
  readonly requests: number;
  /** Since the first request. */
  readonly seconds: number;
  readonly residentMiB: number;
  /** Of the server, user and system. */
  readonly cpuSeconds: number;
}

export interface SoakReport {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  readonly idleMiB: number;
  readonly highestMiB: number;
  readonly endMiB: number;
  /** Line through the second half of the samples. */
  readonly mibPerMillionRequests: number;
  readonly cpuMsPerRequest: number;
  readonly rateWanted: number;
  readonly node: string;
  readonly samples: readonly SoakSample[];
}

export function summarize(run: {
  readonly samples: readonly SoakSample[];
  readonly failed: number;
  readonly rate: number;
}): SoakReport {
  const {samples} = run;
  const first = samples[0];
  const last = samples.at(-1);
  const answered = last?.requests ?? 0;
  const round = (value: number, digits: number): number => Number(value.toFixed(digits));
  const cpuSeconds = (last?.cpuSeconds ?? 0) - (first?.cpuSeconds ?? 0);
  return {
    requests: answered,
    failed: run.failed,
    seconds: last?.seconds ?? 0,
    idleMiB: first?.residentMiB ?? 0,
    highestMiB: Math.max(...samples.map((sample) => sample.residentMiB)),
    endMiB: last?.residentMiB ?? 0,
    mibPerMillionRequests: round(slope(samples.slice(Math.floor(samples.length / 2))) * 1_000_000, 2),
    cpuMsPerRequest: answered === 0 ? 0 : round((cpuSeconds * 1000) / answered, 3),
    rateWanted: run.rate,
    node: process.version,
    samples,
  };
}

/** MiB a request, by least squares. */
function slope(samples: readonly SoakSample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const mean = (pick: (sample: SoakSample) => number): number =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / count;
  const x = mean((sample) => sample.requests);
  const y = mean((sample) => sample.residentMiB);
  const over = samples.reduce((sum, sample) => sum + (sample.requests - x) * (sample.residentMiB - y), 0);
  const under = samples.reduce((sum, sample) => sum + (sample.requests - x) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

const width = 800;
const height = 320;
const margin = {left: 60, right: 20, top: 40, bottom: 40};

export function soakChart(report: SoakReport): string {
  const {samples} = report;
  const requestsMax = Math.max(1, report.requests);
  const mibMax = Math.ceil(Math.max(100, report.highestMiB) / 20) * 20;
  const x = (requests: number): number => margin.left + (requests / requestsMax) * (width - margin.left - margin.right);
  const y = (mib: number): number => height - margin.bottom - (mib / mibMax) * (height - margin.top - margin.bottom);
  const points = samples.map((sample) => `${x(sample.requests).toFixed(1)},${y(sample.residentMiB).toFixed(1)}`);
  const levels = Array.from({length: mibMax / 20 + 1}, (_, index) => index * 20);
  const marks = Array.from({length: 5}, (_, index) => (index * requestsMax) / 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin.left}" y="22" font-size="14">Resident memory of one server over ${report.requests.toLocaleString('en-US')} requests</text>`,
    ...levels.flatMap((mib) => [
      `<line x1="${margin.left}" y1="${y(mib)}" x2="${width - margin.right}" y2="${y(mib)}" stroke="#ddd"/>`,
      `<text x="${margin.left - 8}" y="${y(mib) + 4}" text-anchor="end">${mib} MiB</text>`,
    ]),
    ...marks.map(
      (requests) =>
        `<text x="${x(requests)}" y="${height - margin.bottom + 18}" text-anchor="middle">${Math.round(requests).toLocaleString('en-US')}</text>`,
    ),
    `<polyline fill="none" stroke="#06c" stroke-width="1.5" points="${points.join(' ')}"/>`,
    '</svg>\n',
  ].join('\n');
}
