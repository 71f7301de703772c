/** Pages of the stats listener of a broker with some connections: same keys, nesting and types. */
import {embeddedSource, startStatsListener} from '../../../../../src/broker/index.ts';
import {silentLogger} from '../../../../../src/lib/logger.ts';
import {createNodePlatform} from '../../../../../src/lib/node-platform.ts';
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {difference, joinFleet, startFleetBroker} from './_shape.ts';

interface Endpoint {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {cases} = input.data as {readonly cases: readonly Endpoint[]};
  await using broker = await startFleetBroker({hasWebSocket: false});
  const view = () => broker.engine.monitoring;
  const listener = await startStatsListener({
    platform: createNodePlatform(),
    logger: silentLogger,
    host: '127.0.0.1',
    port: 0,
    identity: 'broker.example.net',
    configFile: '/etc/choria/broker.conf',
    isTls: true,
    source: embeddedSource(view),
    view,
    onRequest: (path) => broker.engine.countHttpRequest(path),
  });
  const clients = [await joinFleet(broker, ''), await joinFleet(broker, '')];
  try {
    const results: CaseResult[] = [];
    for (const item of cases) results.push(await judgeEndpoint(item, `http://127.0.0.1:${listener.port}`));
    return results;
  } finally {
    for (const client of clients) client.close();
    await listener.close();
  }
}

async function judgeEndpoint({name, body}: Endpoint, url: string): Promise<CaseResult> {
  const response = await fetch(`${url}${targetOf(name)}`);
  const text = await response.text();
  const got = response.status === 200 ? difference(body, JSON.parse(text)) : `${response.status} ${text}`;
  return got === undefined ? {name, passed: true} : {name, passed: false, expected: 'the same shape', got};
}

/** `<broker>-connz-subs-detail-limit-2` is `/connz?subs=detail&limit=2`; the broker's name may have two words. */
function targetOf(name: string): string {
  const words = name.split('-');
  const place = words.findIndex((word) => word.endsWith('z') && word !== 'z');
  const page = words[place] ?? '';
  const query: string[] = [];
  for (let rest = words.slice(place + 1); rest.length >= 2; ) {
    // Names of parameters may have two words, values have one.
    const isLong = rest[0] === 'js' || rest[0] === 'filter';
    const parameter = isLong ? rest.slice(0, rest.length % 2 === 1 ? rest.length - 1 : 3).join('-') : (rest[0] ?? '');
    const width = isLong ? parameter.split('-').length : 1;
    query.push(`${parameter}=${rest[width] ?? ''}`);
    rest = rest.slice(width + 1);
  }
  return `/${page}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}
