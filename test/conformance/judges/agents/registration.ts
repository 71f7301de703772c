/** Registration as it is published: a node that has what the vector says, one clock, and the first message that it sends. */
import {gunzipSync} from 'node:zlib';
import {configFromEntries} from '../../../../src/config/index.ts';
import {createUnsignedProvider} from '../../../../src/crypto/index.ts';
import type {AgentMetadata} from '../../../../src/ddl/types.ts';
import {silentLogger} from '../../../../src/lib/logger.ts';
import type {Clock, Platform} from '../../../../src/lib/platform.ts';
import type {NodeContext} from '../../../../src/rpc/types.ts';
import {startRegistration} from '../../../../src/server/registration/start.ts';
import {createFakePlatform} from '../../../support/fake-platform.ts';
import {FakeFiles} from '../../../support/fake-files.ts';
import {createManualClock} from '../../../support/manual-clock.ts';
import {HandHeldConnection} from '../../../support/test-server.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, fields, isFields, text, type Fields} from './_cases.ts';
import {statusFromWire} from './_status.ts';

const contentBytesMax = 16 * 1024 * 1024;

/** What the body carries: text, or for a plain inventory the object itself. */
function clearContent({content, zcontent}: Fields): unknown {
  if (typeof zcontent === 'string') {
    return gunzipSync(Buffer.from(zcontent, 'base64'), {maxOutputLength: contentBytesMax}).toString('utf8');
  }
  return typeof content === 'string' ? Buffer.from(content, 'base64').toString('utf8') : content;
}

const asValue = (clear: unknown): unknown => (typeof clear === 'string' ? JSON.parse(clear) : clear);

/** The body with its content in clear, so that gzip's bytes do not matter; keys are a list, as their order is judged. */
function clearBody(message: string): unknown {
  const body = fields(JSON.parse(message));
  const clear = clearContent(body);
  const {content: _content, zcontent: _zcontent, ...rest} = body;
  if (!isInventory(body)) return {keys: Object.keys(body), rest, content: clear};
  const value = fields(asValue(clear));
  return {keys: Object.keys(body), rest, content: {keys: Object.keys(value), value}};
}

const isInventory = (body: Fields): boolean => text(body['protocol']).includes('inventorycontent');

async function publishCase(item: Fields): Promise<unknown> {
  const envelope = fields(item['envelope']);
  const body = fields(JSON.parse(text(item['message'])));
  const collective = text(envelope['collective']);
  const kind = isInventory(body) ? 'inventory_content' : 'file_content';
  const target = text(item['subject']);
  const prefix = `plugin.choria.registration.${kind}`;
  const settings = {
    identity: text(envelope['senderid']),
    ttl: String(Number(envelope['ttl'])),
    collectives: collective,
    registration: kind,
    registration_collective: collective,
    registration_splay: 'false',
    [`${prefix}.compression`]: String(typeof body['zcontent'] === 'string'),
    ...(target === `${collective}.broadcast.agent.registration` ? {} : {[`${prefix}.target`]: target}),
    ...(kind === 'file_content' ? {[`${prefix}.data`]: text(body['file'])} : {}),
  };
  const timers = createManualClock();
  const clock: Clock = {
    nowMs: () => Number(envelope['time']) * 1000,
    monotonicMs: () => timers.monotonicMs(),
    setTimer: (callback, delayMs) => timers.setTimer(callback, delayMs),
  };
  let mtime = Number(body['mtime'] ?? 0);
  const files = new FakeFiles({}, {nowMs: () => mtime * 1000});
  const platform: Platform = {...createFakePlatform().platform, clock, files};
  const config = await configFromEntries(settings, {platform, mode: 'server'});
  const decoded = clearContent(body);
  const inventory = kind === 'inventory_content' ? fields(asValue(decoded)) : {};
  const connection = new HandHeldConnection();
  const place = (): void => {
    if (kind === 'file_content') files.put(text(body['file']), text(decoded));
  };
  // A file that was updated was there before, and older.
  const wasThere = body['updated'] === true;
  if (wasThere) mtime -= 10;
  place();
  const registration = startRegistration({
    node: nodeOf(inventory, {config, platform, collective}),
    connection,
    provider: createUnsignedProvider({
      certname: text(envelope['senderid']),
      callerId: text(envelope['callerid']),
      ...(text(item['protocol']).endsWith(':2') ? {technology: 'ed25519+jwt'} : {}),
    }),
    status: () => statusFromWire(fields(inventory['status'])),
    version: text(fields(inventory['build_info'] ?? {version: '0'})['version']),
  });
  await timers.advance(4_000);
  if (wasThere) {
    mtime += 10;
    place();
    await timers.advance(config.get('registerinterval') * 1000);
  }
  await registration?.stop();
  const published = connection.published.at(-1);
  return published && openWire(published.subject, published.payload);
}

function nodeOf(
  inventory: Fields,
  options: {readonly config: NodeContext['config']; readonly platform: Platform; readonly collective: string},
): NodeContext {
  const {config, platform, collective} = options;
  const list = (key: string): readonly unknown[] =>
    Array.isArray(inventory[key]) ? (inventory[key] as unknown[]) : [];
  return {
    identity: config.get('identity'),
    collectives: inventory['collectives'] === undefined ? [collective] : list('collectives').map(text),
    mainCollective: collective,
    config,
    platform,
    logger: silentLogger,
    startedAtMs: 0,
    provisioning: false,
    factsJson: async () => Buffer.from(JSON.stringify(inventory['facts'] ?? {})),
    classes: async () => list('classes').map(text),
    agents: () => list('agents').map((agent) => metadataFromWire(fields(agent))),
    dataPlugins: () => [],
    data: () => Promise.reject(new Error('no data plugins here')),
    statistics: () => statusFromWire(fields(inventory['status'])).statistics,
    connectedServer: () => undefined,
    machines: () => list('machines'),
  };
}

function metadataFromWire(wire: Fields): AgentMetadata {
  const word = (key: string): string => (typeof wire[key] === 'string' ? wire[key] : '');
  return {
    name: word('name'),
    description: word('description'),
    author: word('author'),
    license: word('license'),
    version: word('version'),
    url: word('url'),
    timeoutSeconds: Number(wire['timeout']),
    provider: word('provider'),
    service: wire['service'] === true,
  };
}

/** The published bytes read without our own protocol code. */
function openWire(subject: string, payload: Buffer): unknown {
  const transport = fields(JSON.parse(payload.toString('utf8')));
  const secure = fields(JSON.parse(Buffer.from(text(transport['data']), 'base64').toString('utf8')));
  if (typeof secure['message'] !== 'string') throw new Error('expected a request of protocol version 1');
  const {protocol, message, envelope} = fields(JSON.parse(secure['message']));
  return {
    subject,
    transport_headers: transport['headers'],
    protocol,
    envelope: comparable(envelope),
    body: clearBody(text(message)),
  };
}

/** Ids vary; their form does not. */
function comparable(envelope: unknown): unknown {
  if (!isFields(envelope)) return envelope;
  return {...envelope, requestid: text(envelope['requestid']).replaceAll(/[0-9a-f]/g, 'x')};
}

const judge: Judge = async function* ({data}) {
  for (const [index, item] of caseList(data).entries()) {
    const {subject, transport_headers, protocol, envelope, message} = item;
    const wanted = {
      subject,
      transport_headers,
      protocol,
      envelope: comparable(envelope),
      body: clearBody(text(message)),
    };
    yield judgeEqual(caseName(item, index), wanted, (await publishCase(item)) ?? '(nothing)');
  }
};

export default judge;
