import {describe, expect, test} from 'vitest';
import {HttpError} from '../lib/http-errors.ts';
import type {HttpRequest, HttpResponse} from '../lib/http.ts';
import type {Filter} from '../protocol/types.ts';
import {createPuppetDbMethod} from './index.ts';

const noFilter: Filter = {facts: [], classes: [], agents: [], identities: [], compounds: []};

function discoverWith(
  answers: Readonly<Record<string, Partial<HttpResponse> | Error>>,
  filter: Partial<Filter> = {},
): {readonly asked: HttpRequest[]; readonly found: Promise<readonly string[]>} {
  const asked: HttpRequest[] = [];
  const method = createPuppetDbMethod({
    servers: async () => Object.keys(answers),
    tls: async () => ({caPem: 'roots'}),
    http: {
      async request(request) {
        asked.push(request);
        const answer = answers[new URL(request.url).host];
        if (answer instanceof Error) throw answer;
        return {status: 200, statusText: 'OK', headers: new Map(), body: Buffer.from('[]'), ...answer};
      },
    },
  });
  const found = method.discover({
    filter: {...noFilter, ...filter},
    collective: 'mcollective',
    timeoutMs: 2_000,
    slidingWindow: false,
    federations: [],
    options: {},
    signal: new AbortController().signal,
  });
  return {asked, found: found.then(({identities}) => identities)};
}

const body = (value: unknown): Partial<HttpResponse> => ({body: Buffer.from(JSON.stringify(value))});

describe('discovery by PuppetDB', () => {
  test('nodes without a mark, with null or with false are active, whatever else is marked is not', async () => {
    const nodes = [
      {certname: 'a'},
      {certname: 'b', deactivated: null},
      {certname: 'c', deactivated: false},
      {certname: 'd', deactivated: true},
      {certname: 'e', deactivated: '2026-01-01T00:00:00Z'},
    ];
    await expect(discoverWith({'db:8081': body(nodes)}).found).resolves.toEqual(['a', 'b', 'c']);
  });

  test('names without patterns are not asked for, unless one is a query', async () => {
    const plain = discoverWith({'db:8081': {}}, {identities: ['a', 'b']});
    await expect(plain.found).resolves.toEqual(['a', 'b']);
    expect(plain.asked).toEqual([]);
    const query = discoverWith({'db:8081': body([{certname: 'x'}])}, {identities: ['a', 'pql: nodes[certname] {}']});
    await expect(query.found).resolves.toEqual(['x']);
  });

  test('the next server is asked only when one cannot be reached', async () => {
    const down = new HttpError('ERR_HTTP_CONNECT', 'connect ECONNREFUSED');
    const second = discoverWith({'one:8081': down, 'two:8081': body([{certname: 'a'}])});
    await expect(second.found).resolves.toEqual(['a']);
    const failing = discoverWith({'one:8081': {status: 500, statusText: 'Internal Server Error'}, 'two:8081': {}});
    await expect(failing.found).rejects.toThrow('invalid PuppetDB response: 500 Internal Server Error');
    expect(failing.asked).toHaveLength(1);
    await expect(discoverWith({'one:8081': down, 'two:8081': down}).found).rejects.toThrow('one:8081, two:8081');
  });

  test.each([
    ['no JSON', Buffer.from('nothing')],
    ['no list', Buffer.from('{"certname":"a"}')],
    ['a node without a name', Buffer.from('[{"deactivated":null}]')],
    ['a name that no node can have', Buffer.from('[{"certname":"a b"}]')],
  ])('an answer with %s fails as a whole', async (_what, answer) => {
    await expect(discoverWith({'db:8081': {body: answer}}).found).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_DISCOVERY_(PUPPETDB|IDENTITY)$/),
    });
  });

  test('an expression is refused before anybody is asked', async () => {
    const {asked, found} = discoverWith({'db:8081': {}}, {compounds: [[{expr: 'true'}]]});
    await expect(found).rejects.toThrow('compound filters are not supported by PuppetDB');
    expect(asked).toEqual([]);
  });
});
