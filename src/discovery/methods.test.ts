/** Each discovery method runs the one suite; what only one of them does stands below it. */
import {describe, expect, test} from 'vitest';
import {describeDiscoveryMethod, discoveryRequest} from '../../test/support/discovery-suite.ts';
import {createFakePlatform, type FakeProgram} from '../../test/support/fake-platform.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {HttpError} from '../lib/http-errors.ts';
import type {HttpClient, HttpRequest} from '../lib/http.ts';
import {compileFilter as compile, emptyFilter, matchCompiledFilter, parseFactFilter} from '../protocol/index.ts';
import type {Filter} from '../protocol/types.ts';
import {
  type CompileFilter,
  createExternalMethod,
  createFlatfileMethod,
  createInventoryMethod,
  createPuppetDbMethod,
  type DiscoveryMethod,
  type FlatfileFormat,
} from './index.ts';

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

describe.each<[FlatfileFormat, (names: readonly string[]) => string, readonly string[]]>([
  ['text', (names) => names.map((name) => `${name}\n`).join(''), ['n1\n\nn2\n', 'n1 n2\n', '# hosts\nn1\n', '{"a":1}']],
  [
    'json',
    (names) => JSON.stringify(names),
    ['[', '{"nodes":["n1"]}', '["n1", 2]', '["n1", ["n2"]]', 'null', '"n1"', ''],
  ],
  [
    'yaml',
    (names) => names.map((name) => `- ${JSON.stringify(name)}\n`).join('') || '[]',
    ['- n1\n- {a: b}\n', 'n1: n2\n', '- &a [*a]\n', '- n1\n - n2\n'],
  ],
  [
    'responses',
    (names) => JSON.stringify({agent: 'rpcutil', replies: names.map((sender) => ({sender, statuscode: 5}))}),
    ['[]', '{"replies":{}}', '{"replies":[{"host":"n1"}]}', '{"replies":["n1"]}', '{'],
  ],
])('discovery by a flat file of %s', (format, write, broken) => {
  const over = (content: string): DiscoveryMethod =>
    createFlatfileMethod({
      files: createFakePlatform({files: {'/nodes': content}}).files,
      file: '/nodes',
      format,
      query: () => undefined,
    });
  describeDiscoveryMethod({
    holding: (names) => over(write(names)),
    broken: {
      'a file that is not there': () =>
        createFlatfileMethod({files: createFakePlatform().files, file: '/gone', format, query: () => undefined}),
      'no file at all': () => createFlatfileMethod({files: createFakePlatform().files, format, query: () => undefined}),
      ...Object.fromEntries(broken.map((content) => [`a file with ${JSON.stringify(content)}`, () => over(content)])),
    },
    refuses: ['facts', 'classes', 'compounds'],
    isComplete: true,
  });

  test('names choose from the list in their own order, as they are or as patterns', async () => {
    const filter = {...emptyFilter, identities: ['n3', '/^n[12]$/', 'gone']};
    const {identities} = await over(write(['n1', 'n2', 'n3', 'm1'])).discover(discoveryRequest({filter}));
    expect(identities).toEqual(['n3', 'n1', 'n2']);
  });

  test('what was piped in takes the place of the file', async () => {
    const method = createFlatfileMethod({
      files: createFakePlatform().files,
      text: write(['p1', 'p2']),
      format,
      query: () => undefined,
    });
    expect((await method.discover(discoveryRequest())).identities).toEqual(['p1', 'p2']);
  });
});

describe('options of flat files', () => {
  const files = {'/a.json': '["a"]', '/b.yaml': '- b\n', '/c': 'c\n', '/deep.json': '{"x":{"nodes":["d",1,null,"e"]}}'};
  const asked: string[] = [];
  const method = createFlatfileMethod({
    files: createFakePlatform({files}).files,
    file: '/c',
    query: (_document, path) => {
      asked.push(path);
      return path === 'x.nodes' ? ['d', 1, null, 'e'] : path === 'x' ? {} : undefined;
    },
  });
  const find = async (options: Readonly<Record<string, string>>) =>
    (await method.discover(discoveryRequest({options}))).identities;

  test.each([
    [{}, ['c']],
    [{file: '/a.json', format: 'json'}, ['a']],
    [{file: '/b.yaml', format: 'yaml'}, ['b']],
    [{file: '/b.yaml', format: 'yml'}, ['b']],
    [{file: '/deep.json', format: 'json', filter: 'x.nodes'}, ['d', 'e']],
  ])('%j gives %j', async (options, names) => {
    expect(await find(options as Readonly<Record<string, string>>)).toEqual(names);
  });

  test.each([
    [{file: '/a.json'}, 'the ending of a file does not say its format'],
    [{file: '/deep.json', format: 'json', filter: ''}, 'an empty path'],
    [{file: '/deep.json', format: 'json', filter: 'x'}, 'a path to something else than a list'],
    [{file: '/deep.json', format: 'json', filter: 'y'}, 'a path to nothing'],
  ])('%j is refused: %s', async (options, _why) => {
    await expect(find(options as Readonly<Record<string, string>>)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_DISCOVERY_(IDENTITY|FILTER)$/) as string,
    });
  });
});

const schema = 'https://choria.io/schemas/choria/discovery/v1/inventory_file.json';
const compileFilter: CompileFilter = (filter) => async (node) =>
  (
    await matchCompiledFilter(compile(filter), {
      identity: node.name,
      agents: node.agents,
      classes: node.classes,
      factsJson: JSON.stringify(node.facts),
    })
  ).matched;

function inventoryOver(document: unknown, source = '/inventory.json'): DiscoveryMethod {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  return createInventoryMethod({
    files: createFakePlatform({files: {'/inventory.json': text}}).files,
    source,
    homeDirectory: '/home/bob',
    compileFilter,
    parseFact: parseFactFilter,
  });
}

function inventoryNode(name: string, change: object = {}): object {
  return {name, collectives: ['mcollective'], facts: {}, classes: [], agents: [], ...change};
}

describe('discovery by an inventory', () => {
  describeDiscoveryMethod({
    holding: (names) => inventoryOver({$schema: schema, nodes: names.map((name) => inventoryNode(name))}),
    broken: {
      'a file that is not there': () => inventoryOver({}, '/gone.json'),
      'no file at all': () => inventoryOver({}, ''),
      'a file that is no JSON': () => inventoryOver('{'),
      'a file of another schema': () => inventoryOver({$schema: 'x', nodes: []}),
      'a node without facts': () => inventoryOver({$schema: schema, nodes: [{name: 'n1', collectives: []}]}),
      'no list of nodes': () => inventoryOver({$schema: schema, nodes: {n1: {}}}),
      'a document that is a list': () => inventoryOver([]),
    },
    refuses: [],
    isComplete: true,
  });

  const nodes = [
    inventoryNode('web2', {classes: ['web'], facts: {country: 'mt', load: 3}, agents: ['rpcutil']}),
    inventoryNode('db1', {classes: ['db'], facts: {country: 'de'}, agents: ['rpcutil', 'mysql']}),
    inventoryNode('web1', {classes: ['web'], facts: {country: 'mt', load: 1}, agents: ['rpcutil']}),
    inventoryNode('other', {collectives: ['uk'], facts: {country: 'mt'}}),
  ];
  const groups = [
    {name: 'malta', filter: {facts: ['country=mt']}},
    {name: 'all'},
    {name: 'dbs', filter: {classes: ['db']}},
    {name: 'wrong', filter: {facts: ['nonsense']}},
  ];
  const method = inventoryOver({$schema: schema, groups, nodes});
  const find = async (filter: Partial<Filter>, collective = 'mcollective') =>
    (await method.discover(discoveryRequest({filter: {...emptyFilter, ...filter}, collective}))).identities;

  test('filters are judged as nodes judge them, in the order of the file', async () => {
    expect(await find({classes: ['web']})).toEqual(['web2', 'web1']);
    expect(await find({facts: [{fact: 'load', operator: '>=', value: '2'}]})).toEqual(['web2']);
    expect(await find({agents: ['mysql']})).toEqual(['db1']);
    expect(await find({classes: ['web'], identities: ['/1$/']})).toEqual(['web1']);
    expect(await find({}, 'uk')).toEqual(['other']);
    expect(await find({}, 'nowhere')).toEqual([]);
  });

  test('groups are united and sorted, whatever their collective', async () => {
    expect(await find({identities: ['group:malta']})).toEqual(['other', 'web1', 'web2']);
    expect(await find({identities: ['group:dbs', 'group:malta'], agents: ['rpcutil']})).toEqual([
      'db1',
      'other',
      'web1',
      'web2',
    ]);
    expect(await find({identities: ['group:all']}, 'nowhere')).toEqual(['db1', 'other', 'web1', 'web2']);
  });

  test.each<[string, Partial<Filter>]>([
    ['an unknown group', {identities: ['group:x']}],
    ['a group and a node', {identities: ['group:all', 'web1']}],
    ['a group and a class', {identities: ['group:all'], classes: ['web']}],
    ['a group and two agents', {identities: ['group:all'], agents: ['a', 'b']}],
    ['a group whose own filter is wrong', {identities: ['group:wrong']}],
  ])('%s is refused', async (_what, filter) => {
    await expect(find(filter)).rejects.toMatchObject({code: expect.stringMatching(/^ERR_/) as string});
  });
});

const replyProtocol = 'io.choria.choria.discovery.v1.external_reply';

function externalOver(program: (request: Record<string, unknown>) => unknown, exitCode = 0): DiscoveryMethod {
  const discover: FakeProgram = ({env}) => {
    const reply = env?.['CHORIA_EXTERNAL_REPLY'] ?? '';
    const request = JSON.parse(fake.files.text(env?.['CHORIA_EXTERNAL_REQUEST'] ?? '') ?? '') as Record<
      string,
      unknown
    >;
    const answer = program(request);
    fake.files.put(reply, typeof answer === 'string' ? answer : JSON.stringify(answer));
    return {exitCode};
  };
  const fake = createFakePlatform({programs: {'/usr/bin/find-nodes': discover}});
  return createExternalMethod({
    platform: fake.platform,
    logger: createRecordingLogger(),
    command: '/usr/bin/find-nodes --site "north west"',
  });
}

describe('discovery by a program', () => {
  describeDiscoveryMethod({
    holding: (names) => externalOver(() => ({protocol: replyProtocol, nodes: names})),
    broken: {
      'a program that is not there': () =>
        createExternalMethod({
          platform: createFakePlatform().platform,
          logger: createRecordingLogger(),
          command: '/usr/bin/gone',
        }),
      'no program at all': () =>
        createExternalMethod({
          platform: createFakePlatform().platform,
          logger: createRecordingLogger(),
          command: undefined,
        }),
      'a program that fails': () => externalOver(() => ({protocol: replyProtocol, nodes: ['n1']}), 3),
      'a program that tells an error': () =>
        externalOver(() => ({protocol: replyProtocol, nodes: ['n1'], error: 'no'})),
      'a program that writes nothing': () => externalOver(() => ''),
      'another protocol': () => externalOver(() => ({protocol: 'x', nodes: ['n1']})),
      'no list of names': () => externalOver(() => ({protocol: replyProtocol, nodes: {n1: true}})),
      'names that are no text': () => externalOver(() => ({protocol: replyProtocol, nodes: ['n1', 2]})),
      'a list in place of an answer': () => externalOver(() => ['n1']),
    },
    refuses: [],
    isComplete: true,
  });

  test('the program is told everything that was asked for, and its own option is not', async () => {
    let seen: Record<string, unknown> = {};
    const method = externalOver((request) => {
      seen = request;
      return {protocol: replyProtocol, nodes: null};
    });
    const filter = {...emptyFilter, facts: [parseFactFilter('country=mt')], identities: ['/n/']};
    const found = await method.discover(
      discoveryRequest({filter, timeoutMs: 20, federations: ['eu'], options: {zone: '1'}}),
    );
    expect(found.identities).toEqual([]);
    expect(seen).toEqual({
      protocol: 'io.choria.choria.discovery.v1.external_request',
      $schema: 'https://choria.io/schemas/choria/discovery/v1/external_request.json',
      collective: 'mcollective',
      filter: {
        fact: [{fact: 'country', operator: '==', value: 'mt'}],
        cf_class: [],
        agent: [],
        identity: ['/n/'],
        compound: [],
      },
      federations: ['eu'],
      options: {zone: '1'},
      timeout: 1,
    });
  });
});

/** Answers the queries it knows, as a PuppetDB does, and fails for every other: a wrong query must not look like an empty fleet. */
function puppetDbOver(nodes: unknown, asked: HttpRequest[] = []): DiscoveryMethod {
  const http: HttpClient = {
    async request(request) {
      asked.push(request);
      if (nodes instanceof Error) throw nodes;
      const body = Buffer.isBuffer(nodes) ? nodes : utf8(JSON.stringify(nodes));
      return {status: 200, statusText: 'OK', headers: new Map(), body};
    },
  };
  return createPuppetDbMethod({http, servers: async () => ['db:8081'], tls: async () => ({caPem: 'roots'})});
}

describe('discovery by PuppetDB', () => {
  describeDiscoveryMethod({
    holding: (names) => puppetDbOver(names.map((certname) => ({certname, deactivated: null}))),
    broken: {
      'a server that cannot be reached': () => puppetDbOver(new HttpError('ERR_HTTP_CONNECT', 'refused')),
      'an answer that is cut off': () => puppetDbOver(utf8('[{"certname":"n1"}')),
      'an answer that is no list': () => puppetDbOver({certname: 'n1'}),
      'no server at all': () =>
        createPuppetDbMethod({
          http: {request: () => Promise.reject(new Error('nobody was to be asked'))},
          servers: async () => [],
          tls: async () => ({}),
        }),
    },
    refuses: ['compounds'],
    isComplete: true,
    endless: {
      ends: 'with an error',
      method: () =>
        createPuppetDbMethod({
          http: {
            request: ({signal}) =>
              new Promise((_resolve, reject) => {
                signal?.addEventListener('abort', () => reject(signal.reason as Error), {once: true});
              }),
          },
          servers: async () => ['db:8081'],
          tls: async () => ({}),
        }),
    },
  });

  test('the query is the one that PuppetDB knows from others, sent with our certificate', async () => {
    const asked: HttpRequest[] = [];
    const filter = {
      ...emptyFilter,
      identities: ['/web/'],
      classes: ['my::app'],
      agents: ['rpcutil', 'puppet'],
      facts: [parseFactFilter('country=mt'), parseFactFilter('cpus>=4')],
    };
    await puppetDbOver([], asked).discover(discoveryRequest({filter}));
    const [request] = asked;
    expect(request?.tls).toEqual({material: {caPem: 'roots'}});
    const url = new URL(request?.url ?? '');
    expect(url.origin + url.pathname).toBe('https://db:8081/pdb/query/v4');
    expect(url.searchParams.get('query')).toBe(
      'nodes[certname, deactivated] { (certname in inventory[certname] { facts.mcollective.server.collectives.match("\\d+") = "mcollective" })' +
        ' and (certname ~ "[wW][eE][bB]") and (resources {type = "Class" and title = "My::App"})' +
        ' and ((resources {type = "Class" and title = "Choria::Service"} or resources {type = "Class" and title = "Mcollective::Service"})' +
        ' and resources {type = "File" and tag = "mcollective_agent_puppet_server"})' +
        ' and (inventory {facts.country = "mt"} and inventory {facts.cpus >= 4}) }',
    );
  });
});
