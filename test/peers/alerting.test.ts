/** Debian's Prometheus and Alertmanager with the files that are shipped: a broker that is killed becomes a mail. */
import {type ChildProcess, execFileSync, spawn, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {startMailCatcher} from './mail-catcher.ts';

const shipped = (path: string): string => fileURLToPath(new URL(`../../packaging/${path}`, import.meta.url));

/** Counters that the reference names without the suffix that the conventions ask for; dashboards of existing fleets use these names. */
const namesOfTheReference = [
  'choria_build_info',
  'choria_connector_connection_closed',
  'choria_connector_errors',
  'choria_connector_initial_connection_attempts',
  'choria_connector_reconnections',
  'choria_dns_srv_cachehits',
  'choria_dns_srv_cachemiss',
  'choria_dns_srv_lookups',
  'choria_protocol_error',
  'choria_protocol_invalid',
  'choria_protocol_json_parse_failures',
  'choria_protocol_valid',
];

let directory = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'choria-alerting-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(directory, {recursive: true, force: true});
});

function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, {stdio: ['ignore', 'pipe', 'ignore'], cwd: directory});
  children.push(child);
  return child;
}

async function startBroker(): Promise<{readonly child: ChildProcess; readonly statsPort: number}> {
  const program = fileURLToPath(new URL('broker-process.ts', import.meta.url));
  const entries = {'plugin.choria.network.engine': 'embedded', 'plugin.choria.stats_port': String(await freePort())};
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(entries)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  for await (const line of createInterface({input: child.stdout})) return {child, statsPort: Number(line)};
  throw new Error('the broker ended before it listened');
}

/** Prometheus and Alertmanager must be told their ports. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The shipped file with the places and the patience of a test; what is replaced must be there. */
function adapt(path: string, replacements: Readonly<Record<string, string>>): string {
  let text = readFileSync(shipped(path), 'utf8');
  for (const [from, to] of Object.entries(replacements)) {
    expect(text, path).toContain(from);
    text = text.replaceAll(from, to);
  }
  const target = join(directory, path);
  mkdirSync(join(target, '..'), {recursive: true});
  writeFileSync(target, text);
  return target;
}

async function getJson(url: string): Promise<Record<string, unknown>> {
  try {
    return (await (await fetch(url)).json()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

interface Alerts {
  readonly alerts?: readonly {readonly state: string; readonly labels: Readonly<Record<string, string>>}[];
}

describe('watching a broker with Prometheus and Alertmanager', () => {
  test('the shipped files are what the programs of both accept', () => {
    execFileSync('promtool', ['check', 'rules', shipped('prometheus/choria-broker.rules.yml')]);
    execFileSync('promtool', ['check', 'config', shipped('prometheus/prometheus.yml')]);
    execFileSync('amtool', ['check-config', shipped('alertmanager/alertmanager.yml')]);
  });

  test('promtool finds nothing wrong with our metrics but the names of the reference', async () => {
    const {statsPort} = await startBroker();
    const text = await (await fetch(`http://127.0.0.1:${statsPort}/metrics`)).text();
    const {stderr, stdout} = spawnSync('promtool', ['check', 'metrics'], {input: text, encoding: 'utf8'});
    const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    expect(complaints.every((line) => line.endsWith('counter metrics should have "_total" suffix'))).toBe(true);
    expect(
      complaints.map((line) => line.split(' ')[0]).filter((name) => !namesOfTheReference.includes(name ?? '')),
    ).toEqual([]);
  });

  test('a killed broker makes its alert go pending, fire, and arrive as a mail', async () => {
    await using mail = await startMailCatcher();
    const {child: broker, statsPort} = await startBroker();
    const [alertmanagerPort, prometheusPort] = [await freePort(), await freePort()];
    const alertmanager = adapt('alertmanager/alertmanager.yml', {
      'mail:1025': `127.0.0.1:${mail.port}`,
      'group_wait: 10s': 'group_wait: 1s',
    });
    const prometheus = adapt('prometheus/prometheus.yml', {
      'scrape_interval: 15s': 'scrape_interval: 1s',
      'evaluation_interval: 15s': 'evaluation_interval: 1s',
      'alertmanager:9093': `127.0.0.1:${alertmanagerPort}`,
      'broker:8222': `127.0.0.1:${statsPort}`,
    });
    adapt('prometheus/choria-broker.rules.yml', {'for: 1m': 'for: 5s'});
    start('prometheus-alertmanager', [
      `--config.file=${alertmanager}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      '--cluster.listen-address=',
      `--storage.path=${join(directory, 'alerts')}`,
    ]);
    start('prometheus', [
      `--config.file=${prometheus}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
      `--storage.tsdb.path=${join(directory, 'series')}`,
    ]);
    const api = `http://127.0.0.1:${prometheusPort}/api/v1`;
    const states = async (): Promise<readonly string[]> => {
      const {data} = await getJson(`${api}/alerts`);
      return ((data as Alerts | undefined)?.alerts ?? [])
        .filter((alert) => alert.labels['alertname'] === 'ChoriaBrokerDown')
        .map((alert) => alert.state);
    };
    const isUp = async (): Promise<string> => JSON.stringify(await getJson(`${api}/query?query=up`));
    await expect.poll(isUp, {timeout: 30_000}).toMatch(/"value":\[[\d.]+,"1"\]/);
    expect(await states()).toEqual([]);
    broker.kill('SIGKILL');
    await expect.poll(states, {timeout: 30_000}).toEqual(['pending']);
    await expect.poll(states, {timeout: 30_000}).toEqual(['firing']);
    await expect.poll(() => mail.mails.length, {timeout: 30_000}).toBeGreaterThan(0);
    expect(mail.mails[0]).toContain('ChoriaBrokerDown');
    expect(mail.mails[0]).toContain('operators@example.net');
  }, 150_000);
});
