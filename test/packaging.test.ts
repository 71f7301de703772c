/** The files for operators name only what a broker shows. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {parse} from 'yaml';
import {brokerMetrics, createBrokerMetrics, embeddedSource} from '../src/broker/index.ts';
import {startTestBroker} from './support/broker.ts';

const packaging = join(import.meta.dirname, '../packaging');
const read = (path: string): string => readFileSync(join(packaging, path), 'utf8');
const ownNames = /\bchoria_[a-z_]+/g;

interface Dashboard {
  readonly panels: readonly {readonly id: number; readonly targets: readonly {readonly expr: string}[]}[];
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: {readonly severity: string};
      readonly annotations: {readonly summary: string};
    }[];
  }[];
}

const expressions = [
  ...(JSON.parse(read('grafana/choria-broker.json')) as Dashboard).panels.flatMap((panel) =>
    panel.targets.map((target) => target.expr),
  ),
  ...(parse(read('prometheus/choria-broker.rules.yml')) as Rules).groups.flatMap((group) =>
    group.rules.map((rule) => rule.expr),
  ),
];

describe('files for operators', () => {
  test('every metric that a dashboard or an alert names is one of ours', () => {
    const named = new Set(expressions.flatMap((text) => text.match(ownNames) ?? []));
    expect(named.size).toBeGreaterThan(10);
    expect([...named].filter((name) => !Object.hasOwn(brokerMetrics, name))).toEqual([]);
  });

  test('every metric that is listed is shown, with its help, and none that is not listed', async () => {
    await using broker = await startTestBroker();
    const view = () => broker.engine.monitoring;
    const metrics = await createBrokerMetrics({identity: 'b', view});
    const text = await metrics.render(await embeddedSource(view).figures());
    const shown = [...text.matchAll(/^# HELP (choria_\w+) (.+)$/gm)].map((match) => [match[1] ?? '', match[2]]);
    expect(Object.fromEntries(shown)).toEqual(brokerMetrics);
  });

  test('the metrics of the runtime that they use are there', async () => {
    const metrics = await createBrokerMetrics({identity: 'b'});
    await using broker = await startTestBroker();
    const text = await metrics.render(await embeddedSource(() => broker.engine.monitoring).figures());
    for (const name of new Set(expressions.flatMap((item) => item.match(/\bprocess_[a-z_]+/g) ?? []))) {
      expect(text).toContain(`# TYPE ${name} `);
    }
  });

  test('every alert says how bad it is and what happened', () => {
    for (const {rules} of (parse(read('prometheus/choria-broker.rules.yml')) as Rules).groups) {
      for (const rule of rules) {
        expect(['warning', 'critical']).toContain(rule.labels.severity);
        expect(rule.annotations.summary).not.toBe('');
      }
    }
  });

  test('collectd reads keys that the JSON has', async () => {
    await using broker = await startTestBroker();
    const response = await embeddedSource(() => broker.engine.monitoring).page('/varz', new URLSearchParams());
    const varz = JSON.parse(String(response?.body)) as Record<string, unknown>;
    const keys = [...read('collectd/choria-broker.conf').matchAll(/<Key "(\w+)">/g)].map((match) => match[1] ?? '');
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) expect(typeof varz[key]).toBe('number');
  });

  test('the parts of the stack do not get into each other’s way', () => {
    const parts = readdirSync(join(packaging, 'compose')).filter((name) => name.endsWith('.yaml'));
    const services = parts.flatMap((name) =>
      Object.entries((parse(read(`compose/${name}`)) as {services: Record<string, {ports?: string[]}>}).services),
    );
    const names = services.map(([name]) => name);
    const ports = services.flatMap(([, service]) => service.ports ?? []).map((port) => port.split(':').at(-2));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(ports).size).toBe(ports.length);
    expect(names).toContain(/smarthost: (\w+):/.exec(read('alertmanager/alertmanager.yml'))?.[1]);
    for (const host of ['alertmanager', 'broker']) expect(names).toContain(host);
  });
});
