import {expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {configFromEntries} from '../config/index.ts';
import type {HttpServerOptions, HttpServerRequest} from '../lib/http-server.ts';
import {createTrafficCounts, type MetricsSource, renderServerMetrics, startServerMetrics} from './metrics.ts';
import {createCounters} from './statistics.ts';

function sourceOf(): MetricsSource {
  const counters = createCounters();
  for (const name of ['total', 'total', 'validated', 'passed', 'unvalidated', 'replies'] as const) counters.add(name);
  counters.messageAt(1_795_233_713_000);
  return {
    identity: 'n1"\n.example.net',
    version: '1.2.3',
    sha: 'abc',
    protocol: 2,
    counters,
    traffic: {...createTrafficCounts(), connectAttempts: 3, connectSeconds: 0.5},
    isConnected: () => true,
    startedAtMs: 1_795_233_000_000,
    certificateExpiresAtMs: undefined,
    residentBytes: () => 61_000_000,
  };
}

test('the figures have the names and labels that dashboards of the reference ask for', () => {
  const text = renderServerMetrics(sourceOf());
  const identity = String.raw`identity="n1\"\n.example.net"`;
  for (const line of [
    `choria_server_total{${identity}} 2`,
    `choria_server_validated{${identity}} 1`,
    `choria_server_unvalidated{${identity}} 1`,
    `choria_server_ttlexpired{${identity}} 0`,
    `choria_build_info{version="1.2.3",sha="abc",${identity}} 1`,
    'choria_connector_initial_connection_attempts 3',
    'choria_connector_initial_connect_time_sum 0.5',
    'choria_protocol_valid{version="2"} 1',
    'choria_protocol_valid{version="1"} 0',
    'process_resident_memory_bytes 61000000',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('they are served where the settings say, and nothing else is', async () => {
  const fake = createFakePlatform();
  const listening: HttpServerOptions[] = [];
  const config = await configFromEntries(
    {'plugin.choria.stats_port': '8222', 'plugin.choria.stats_address': '127.0.0.2'},
    {platform: fake.platform, mode: 'server'},
  );
  const listen = async (options: HttpServerOptions) => {
    listening.push(options);
    return {host: options.host, port: options.port, close: () => Promise.resolve()};
  };
  const platform = {...fake.platform, httpServers: {listen}};
  await startServerMetrics({config, platform, logger: createRecordingLogger(), source: sourceOf()});
  expect(listening.map(({host, port}) => [host, port])).toEqual([['127.0.0.2', 8222]]);
  const ask = async (path: string, method = 'GET') =>
    listening[0]?.handler({method, path, query: new URLSearchParams(), headers: {}} as unknown as HttpServerRequest);
  expect((await ask('/metrics'))?.status).toBe(200);
  expect((await ask('/debug/pprof'))?.status).toBe(404);
  expect((await ask('/metrics', 'POST'))?.status).toBe(404);
});

test('a port that is taken stops nothing and is told', async () => {
  const {platform} = createFakePlatform();
  const config = await configFromEntries({'plugin.choria.stats_port': '8222'}, {platform, mode: 'server'});
  const logger = createRecordingLogger();
  expect(await startServerMetrics({config, platform, logger, source: sourceOf()})).toBeUndefined();
  expect(JSON.stringify(logger.lines)).toContain('Metrics are not served on 127.0.0.1:8222');
});
