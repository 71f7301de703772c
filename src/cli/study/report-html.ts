/** A study as one HTML file with its plots in it, for a browser and for the archive: no script, nothing from elsewhere. */
import type {Histogram, ScenarioResult, SizeResult, StudyReport} from './results.ts';
import {middleOf, seconds} from './report-text.ts';
import {describePlan} from './study.ts';

const style = `body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{border-bottom:1px solid #ddd;padding:.3em .8em;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b00020;font-weight:bold}figure{margin:1.5em 0}
figcaption{color:#555}svg text{font:11px system-ui,sans-serif;fill:#555}`;

export function htmlReport(report: StudyReport): string {
  const {machine} = report;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Fleet study</title><style>${style}</style></head><body>
<h1>Fleet study</h1>
<p>${escape(`${report.program}, ${report.startedAt}, ${machine.cpus} cores, ${machine.platform}, Node ${machine.node}`)}</p>
<p class="${report.passed ? '' : 'bad'}">${report.passed ? 'Passed: every server that was asked answered, once, in every run.' : 'Not passed.'}</p>
${report.sizes.map(sizeSection).join('\n')}
</body></html>
`;
}

/** What came from outside, such as names of parts, is text here, never markup. */
export function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

function sizeSection(size: SizeResult): string {
  const rows = size.scenarios.map((scenario) => {
    const lost = scenario.runs.reduce((sum, run) => sum + run.lost, 0);
    const doubled = scenario.runs.reduce((sum, run) => sum + run.doubled, 0);
    const isBad = scenario.failures.length > 0;
    return `<tr><td>${escape(scenario.title)}</td><td class="n">${seconds(middleOf(scenario))}</td><td class="n">${scenario.goalSeconds === undefined ? '' : `${scenario.goalSeconds} s`}</td><td class="n${isBad ? ' bad' : ''}">${lost}</td><td class="n${isBad ? ' bad' : ''}">${doubled}</td></tr>`;
  });
  return `<h2>${escape(describePlan(size.plan))}</h2>
<p>Memory of one emulated server with its connection: ${size.kilobytesPerServer.toFixed(1)} kB; of the broker for it: ${size.brokerKilobytesPerServer.toFixed(1)} kB.</p>
<table><tr><th>scenario</th><th>middle run</th><th>goal</th><th>lost</th><th>doubled</th></tr>${rows.join('')}</table>
${size.scenarios.map((scenario) => scenarioFigures(scenario)).join('\n')}`;
}

function scenarioFigures(scenario: ScenarioResult): string {
  const histogram =
    scenario.histogram === undefined
      ? ''
      : `<figure>${histogramSvg(scenario.histogram)}<figcaption>${escape(scenario.title)}: when the answers came</figcaption></figure>`;
  const costs =
    scenario.parts.length === 0
      ? ''
      : `<figure>${costSvg(scenario)}<figcaption>${escape(scenario.title)}: processor time of each part, in seconds</figcaption></figure>`;
  return histogram + costs;
}

const width = 720;
const height = 160;
const left = 50;
const bottom = 24;

function histogramSvg({spanMs, counts}: Histogram): string {
  const most = Math.max(1, ...counts);
  const step = (width - left - 10) / counts.length;
  const bars = counts.map((count, index) => {
    const tall = ((height - bottom - 10) * count) / most;
    return `<rect x="${round(left + index * step)}" y="${round(height - bottom - tall)}" width="${round(Math.max(0.5, step - 1))}" height="${round(tall)}" fill="#3b6ea5"/>`;
  });
  const end = counts.length * spanMs;
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img">${bars.join('')}<text x="${left}" y="${height - 6}">0</text><text x="${width - 70}" y="${height - 6}">${seconds(end / 1000)}</text><text x="2" y="16">${most}</text><text x="2" y="${height - bottom}">0</text></svg>`;
}

function costSvg(scenario: ScenarioResult): string {
  const rowHeight = 22;
  const {parts} = scenario;
  const most = Math.max(0.01, ...parts.map((part) => part.cpuSeconds));
  const rows = parts.map((part, index) => {
    const long = ((width - 320) * part.cpuSeconds) / most;
    const y = index * rowHeight;
    return `<text x="2" y="${y + 15}">${escape(part.part)}</text><rect x="130" y="${y + 4}" width="${round(long)}" height="14" fill="#6a9a3b"/><text x="${round(138 + long)}" y="${y + 15}">${part.cpuSeconds.toFixed(2)} s, ${Math.round(part.rssMegabytes)} MB</text>`;
  });
  const tall = parts.length * rowHeight;
  return `<svg viewBox="0 0 ${width} ${tall}" width="${width}" role="img">${rows.join('')}</svg>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
