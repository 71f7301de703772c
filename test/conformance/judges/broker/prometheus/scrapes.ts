/**
 * Scrapes the stats listener of a broker and compares the families `choria_*`: type, labels, and how many series each has.
 *
 * The figures behind it come from documents in nats-server's shapes, as the engine nats-server gives them, with as many leaf nodes as the case
 * has series of theirs. Families of the federation broker and of data adapters belong to programs of their own and are not judged here. Parts of
 * a scrape have no types, and may leave families out.
 */
import {proxySource, startStatsListener} from '../../../../../src/broker/index.ts';
import type {HttpClient} from '../../../../../src/lib/http.ts';
import {silentLogger} from '../../../../../src/lib/logger.ts';
import {createNodePlatform} from '../../../../../src/lib/node-platform.ts';
import {type CaseResult, judgeEqual, type JudgeInput} from '../../../judge.ts';

interface Family {
  readonly type?: string;
  readonly labels: readonly string[];
  readonly series: number;
}

interface Scrape {
  readonly name: string;
  readonly families: Readonly<Record<string, Family>>;
}

const otherPrograms = /^choria_(federation|adapter)_/;

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {cases} = input.data as {readonly cases: readonly Scrape[]};
  const results: CaseResult[] = [];
  for (const item of cases) results.push(await judgeScrape(item));
  return results;
}

async function judgeScrape({name, families}: Scrape): Promise<CaseResult> {
  const wanted = Object.entries(families).filter(([key]) => key.startsWith('choria_') && !otherPrograms.test(key));
  const got = readFamilies(await scrape(families['choria_network_leafnode_in_bytes']?.series ?? 0));
  const shape = (list: readonly (readonly [string, Family | undefined])[]): unknown =>
    Object.fromEntries(
      list.map(([key, family]) => {
        const isPart = families[key]?.type === undefined;
        return [
          key,
          family === undefined
            ? 'missing'
            : [isPart ? undefined : family.type, [...family.labels].sort(), family.series],
        ];
      }),
    );
  return judgeEqual(name, shape(wanted), shape(wanted.map(([key]) => [key, got.get(key)] as const)));
}

async function scrape(leafCount: number): Promise<string> {
  const leafs = Array.from({length: leafCount}, (_unused, index) => ({
    account: 'choria',
    ip: '127.0.0.1',
    port: 20_000 + index,
    rtt: '219µs',
    in_msgs: 1,
    out_msgs: 2,
    in_bytes: 3,
    out_bytes: 4,
    subscriptions: 5,
  }));
  const pages: Readonly<Record<string, object>> = {
    '/varz': {connections: 1, routes: 0, leafnodes: leafCount},
    '/jsz': {memory: 0, storage: 0},
    '/leafz': {leafnodes: leafCount, leafs},
  };
  const http: HttpClient = {
    request: ({url}) =>
      Promise.resolve({
        status: 200,
        statusText: 'OK',
        headers: new Map([['content-type', 'application/json']]),
        body: Buffer.from(JSON.stringify(pages[new URL(url).pathname] ?? {})),
      }),
  };
  const listener = await startStatsListener({
    platform: createNodePlatform(),
    logger: silentLogger,
    host: '127.0.0.1',
    port: 0,
    identity: 'broker.example.net',
    configFile: '/etc/choria/broker.conf',
    isTls: true,
    source: proxySource({http, url: 'http://127.0.0.1:1'}),
    view: undefined,
  });
  try {
    return await (await fetch(`http://127.0.0.1:${listener.port}/choria/prometheus`)).text();
  } finally {
    await listener.close();
  }
}

/** Labels of a family are those of its series; `quantile` is the format's own. The sum and the count of a summary are its series. */
function readFamilies(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, {type: string; labels: Set<string>; series: number}>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) families.set(type[1] ?? '', {type: type[2] ?? '', labels: new Set(), series: 0});
    const series = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line);
    if (series === null) continue;
    const name = series[1] ?? '';
    const family = families.get(name) ?? families.get(name.replace(/_(sum|count)$/, ''));
    if (family === undefined) continue;
    family.series += 1;
    for (const label of (series[2] ?? '').matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) family.labels.add(label[1] ?? '');
  }
  return new Map(
    [...families].map(([name, {type, labels, series}]) => [
      name,
      {type, labels: [...labels].filter((label) => label !== 'quantile'), series},
    ]),
  );
}
