/** Faults 21 to 25, 27, 29 to 31, 72, 75, 77: what a message may try. */
import {sign as signWith} from 'node:crypto';
import * as fc from 'fast-check';
import {beforeAll, describe, expect, test} from 'vitest';
import {generateKey, type SecurityProvider} from '../../src/crypto/index.ts';
import {
  checkCollective,
  checkReplySubject,
  checkTtl,
  createReply,
  decodeRequest,
  encodeRequestDocument,
  encodeTransport,
  openReply,
  openRequest,
  openTransport,
  ProtocolError,
  protocolLimits,
  readStrictJson,
  requestExpiresAtMs,
  type Transport,
} from '../../src/protocol/index.ts';
import {alterSecure, type Callers, createCallers, newRequest, refusalOf, signedTransport} from '../support/callers.ts';

let callers: Callers;
let rip: SecurityProvider;
let nowMs: number;

beforeAll(async () => {
  callers = await createCallers();
  rip = await callers.caller('rip.mcollective');
  ({nowMs} = callers);
});

function open(transport: Transport): string {
  return refusalOf(() => openRequest(transport, {provider: rip, nowMs}));
}

function transportText(change: string): Uint8Array {
  return Buffer.from(`{"protocol":"choria:transport:1","data":"e30=",${change}}`);
}

/** Signs any text as rip, so that only the content is at fault. */
async function signedText(message: string): Promise<Transport> {
  const base = await signedTransport(rip, newRequest(nowMs));
  const signature = (await rip.sign(Buffer.from(message, 'utf8'))).toString('base64');
  return alterSecure(base, (document) => Object.assign(document, {message, signature}));
}

async function requestText(): Promise<string> {
  const transport = await signedTransport(rip, newRequest(nowMs));
  return (JSON.parse(transport.payload.toString('utf8')) as {message: string}).message;
}

describe('fault 21: malformed messages', () => {
  test.each([
    ['nothing', ''],
    ['a word', 'not json'],
    ['a byte order mark', '\ufeff{"protocol":"choria:transport:1","data":"e30=","headers":{}}'],
    ['a cut end', '{"protocol":"choria:transport:1","data":"e30=","headers":{'],
    ['data behind the end', '{"protocol":"choria:transport:1","data":"e30=","headers":{}} {}'],
    ['a key that comes twice', '{"protocol":"choria:transport:1","data":"e30=","headers":{},"data":"e30="}'],
    [
      'the same key in another spelling',
      '{"protocol":"choria:transport:1","data":"e30=","headers":{},"dat\\u0061":"e30="}',
    ],
    ['base64 with other letters', '{"protocol":"choria:transport:1","data":"e30*","headers":{}}'],
    ['base64 without its padding', '{"protocol":"choria:transport:1","data":"e30","headers":{}}'],
    ['base64 with blanks', '{"protocol":"choria:transport:1","data":"e3 0=","headers":{}}'],
    ['base64url', '{"protocol":"choria:transport:1","data":"__-_","headers":{}}'],
  ])('fault 21: %s is refused as a transport', (_title, text) => {
    expect(refusalOf(() => openTransport(Buffer.from(text)))).toMatch(/^ERR_(JSON_INVALID|BASE64_INVALID)$/);
  });

  test('fault 21: two callers in one signed request are refused, whichever comes last', async () => {
    const text = (await requestText()).replace('"callerid":', '"callerid":"choria=bob.mcollective","callerid":');
    expect(open(await signedText(text))).toBe('ERR_JSON_INVALID');
  });

  test('fault 21: a lone surrogate is signed and read as the same bytes on both sides', async () => {
    const text = (await requestText()).replace('rpcutil\\"', 'rpcutil\\ud800\\"');
    expect(['accepted', 'ERR_REQUEST_INVALID']).toContain(open(await signedText(text)));
  });

  test('fault 21: bytes cut at any place never crash', async () => {
    const whole = encodeTransport(await signedTransport(rip, newRequest(nowMs)));
    for (let length = 0; length < whole.length; length += 7) {
      expect(refusalOf(() => openTransport(whole.subarray(0, length)))).toMatch(/^ERR_/);
    }
  });

  test('fault 21: any bytes end in our own errors', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '"protocol"',
      '"choria:transport:1"',
      '"data"',
      '"headers"',
      'null',
      '1e5',
      '\\u0000',
      '"e30="',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(pieces).map((list) => Buffer.from(list.join(''))),
        ),
        (bytes) => {
          expect(refusalOf(() => openRequest(openTransport(bytes), {provider: rip, nowMs}))).toMatch(/^ERR_/);
        },
      ),
    );
  });

  test('fault 21: any JSON inside a well-formed transport ends in our own errors', () => {
    fc.assert(
      fc.property(fc.json(), (inner) => {
        const transport: Transport = {version: 1, payload: Buffer.from(inner), trace: []};
        expect(open(transport)).toMatch(/^ERR_/);
        expect(refusalOf(() => openReply(transport))).toMatch(/^ERR_/);
        expect(refusalOf(() => decodeRequest(Buffer.from(inner), 2))).toMatch(/^ERR_/);
      }),
    );
  });
});

describe('fault 22: keys that name parts of the language', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'])(
    'fault 22: "%s" is data at every level and changes nothing',
    async (key) => {
      const hostile = `"${key}":{"polluted":true,"callerid":"choria=root"},`;
      const text = (await requestText())
        .replace('{"protocol"', `{${hostile}"protocol"`)
        .replace('"envelope":{', `"envelope":{${hostile}`)
        .replace('"compound":[]', `"compound":[[{"${key}":"x"}]]`);
      const {request} = openRequest(await signedText(text), {provider: rip, nowMs});
      expect(request.callerId).toBe('choria=rip.mcollective');
      expect(Object.keys(request.filter.compounds[0]?.[0] ?? {})).toEqual([key]);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );

  test('fault 22: a request without a needed key does not get it from a prototype', () => {
    expect(
      refusalOf(() => decodeRequest(Buffer.from('{"__proto__":{"message":"m"},"protocol":"choria:request:1"}'), 1)),
    ).toBe('ERR_SCHEMA');
  });
});

describe('fault 23: sizes', () => {
  test('fault 23: 100,000 levels are refused without a crash', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(refusalOf(() => openTransport(Buffer.from(deep)))).toBe('ERR_JSON_INVALID');
    const reply: Transport = {version: 1, payload: Buffer.from(deep), trace: []};
    expect(refusalOf(() => openReply(reply))).toBe('ERR_REPLY_INVALID');
  });

  test('fault 23: a message above the limit is refused before it is read', () => {
    expect(refusalOf(() => openTransport(Buffer.alloc(protocolLimits.messageBytesMax + 1, 0x20)))).toBe(
      'ERR_MESSAGE_TOO_LARGE',
    );
  });

  test('fault 23: keys beyond the limit are refused', () => {
    const text = `{"a":[${'0,'.repeat(protocolLimits.jsonItemsMax + 1)}0]}`;
    expect(refusalOf(() => readStrictJson(text, {stage: 'transport', what: 'message'}))).toBe('ERR_JSON_INVALID');
  });

  test('fault 23: a secure request above the limit of requests is refused', () => {
    const payload = Buffer.alloc(protocolLimits.requestBytesMax + 1, 0x20);
    expect(open({version: 1, payload, trace: []})).toBe('ERR_MESSAGE_TOO_LARGE');
  });
});

describe('fault 24: numbers', () => {
  test.each([
    ['"ttl":60', '"ttl":1e308', /^ERR_/],
    ['"ttl":60', '"ttl":-0', /^ERR_SCHEMA$/],
    ['"ttl":60', '"ttl":NaN', /^ERR_JSON_INVALID$/],
    ['"ttl":60', '"ttl":60.5', /^ERR_SCHEMA$/],
    ['"ttl":60', '"ttl":60.0', /^ERR_REQUEST_INVALID$/],
    ['"ttl":60', '"ttl":6e1', /^ERR_REQUEST_INVALID$/],
    ['"ttl":60', '"ttl":-60', /^ERR_SCHEMA$/],
    ['"ttl":60', '"ttl":"60"', /^ERR_SCHEMA$/],
    ['"ttl":60', '"ttl":1e400', /^ERR_/],
    [/"time":\d+/, '"time":9007199254740993', /^ERR_REQUEST_INVALID$/],
    [/"time":\d+/, '"time":-9007199254740993', /^ERR_REQUEST_INVALID$/],
  ])('fault 24: %s turned into %s is refused', async (from, to, code) => {
    expect(open(await signedText((await requestText()).replace(from, to)))).toMatch(code);
  });

  test('fault 24: a TTL of 2^31 is accepted for at most the ceiling', async () => {
    const text = (await requestText()).replace('"ttl":60', '"ttl":2147483648');
    const {request} = openRequest(await signedText(text), {provider: rip, nowMs});
    expect(requestExpiresAtMs(request)).toBe(request.sentAtMs + protocolLimits.ttlCeilingSeconds * 1_000);
  });
});

describe('fault 25: signatures and hashes', () => {
  test('fault 25: an unsigned request is refused', async () => {
    const base = await signedTransport(rip, newRequest(nowMs));
    expect(
      open(alterSecure(base, (document) => Object.assign(document, {signature: 'insecure', pubcert: 'insecure'}))),
    ).toBe('ERR_REQUEST_UNVERIFIED');
    expect(open(alterSecure(base, (document) => Object.assign(document, {signature: ''})))).toBe('ERR_SCHEMA');
    expect(open(alterSecure(base, (document) => delete document['signature']))).toBe('ERR_SCHEMA');
  });

  test('fault 25: the signature of another message is refused', async () => {
    const other = JSON.parse((await signedTransport(rip, newRequest(nowMs))).payload.toString('utf8')) as {
      signature: string;
    };
    const base = await signedTransport(rip, newRequest(nowMs));
    expect(open(alterSecure(base, (document) => Object.assign(document, {signature: other.signature})))).toBe(
      'ERR_REQUEST_UNVERIFIED',
    );
  });

  test('fault 25: the received bytes count, not a re-serialised form', async () => {
    const base = await signedTransport(rip, newRequest(nowMs));
    const spaced = alterSecure(base, (document) => {
      document['message'] = JSON.stringify(JSON.parse(document['message'] ?? ''), undefined, 1);
    });
    expect(open(spaced)).toBe('ERR_REQUEST_UNVERIFIED');
    expect(open(await signedText(JSON.stringify(JSON.parse(await requestText()), undefined, 2)))).toBe('accepted');
  });

  test('fault 25: a reply whose hash does not fit is refused', async () => {
    const payload = await createReply(
      {version: 1, id: 'a'.repeat(32), agent: 'rpcutil'},
      {senderId: 'n1', body: Buffer.from('{}'), nowMs},
    );
    const transport: Transport = {version: 1, payload, trace: []};
    expect(openReply(transport).senderId).toBe('n1');
    const altered = alterSecure(transport, (document) => {
      document['message'] = (document['message'] ?? '').replace('n1', 'n2');
    });
    expect(refusalOf(() => openReply(altered))).toBe('ERR_REPLY_HASH_MISMATCH');
  });
});

describe('fault 27: forged callers', () => {
  test.each([
    'choria=bob.mcollective',
    'choria=bob=rip.mcollective',
    'choria==rip.mcollective',
    'Choria=rip.mcollective',
    'choria=RIP.mcollective',
    'choria=rip.mcollective ',
    ' choria=rip.mcollective',
    'choria=rip.mcollective\n',
    'choria=rip.mcollective/x',
    'x choria=rip.mcollective',
    'choria=ri\u0070\u0301.mcollective',
    'choria=rip\uff0emcollective',
    'rip.mcollective',
  ])("fault 27: %j is not the caller of rip's certificate", async (callerid) => {
    const envelope = JSON.parse(await requestText()) as {envelope: Record<string, unknown>};
    envelope.envelope['callerid'] = callerid;
    expect(open(await signedText(JSON.stringify(envelope)))).toMatch(/^ERR_REQUEST_(UNVERIFIED|INVALID)$/);
  });

  test('fault 27: a name that is not on the list of allowed callers is refused', async () => {
    const stranger = await callers.caller('stranger.example.net');
    expect(open(await signedTransport(stranger, newRequest(nowMs)))).toBe('ERR_REQUEST_UNVERIFIED');
  });
});

describe('fault 29: messages in another context', () => {
  test('fault 29: a captured request cannot be turned to another agent, collective or node', async () => {
    const base = await signedTransport(rip, newRequest(nowMs));
    for (const [from, to] of [
      ['"agent":"rpcutil","ttl"', '"agent":"package","ttl"'],
      ['"collective":"mcollective"', '"collective":"other"'],
      ['"identity":[]', '"identity":["other"]'],
    ] as const) {
      const turned = alterSecure(base, (document) => {
        expect(document['message']).toContain(from);
        document['message'] = (document['message'] ?? '').replace(from, to);
      });
      expect(open(turned)).toBe('ERR_REQUEST_UNVERIFIED');
    }
  });

  test('fault 29: a reply names its request and agent, so it cannot pass for another', async () => {
    const payload = await createReply(
      {version: 1, id: 'a'.repeat(32), agent: 'rpcutil'},
      {senderId: 'n1', body: Buffer.from('{}'), nowMs},
    );
    const reply = openReply({version: 1, payload, trace: []});
    expect(reply).toMatchObject({requestId: 'a'.repeat(32), agent: 'rpcutil', senderId: 'n1'});
  });

  test('fault 29: a reply is no request and a request is no reply', async () => {
    const payload = await createReply(
      {version: 1, id: 'a'.repeat(32), agent: 'rpcutil'},
      {senderId: 'n1', body: Buffer.from('{}'), nowMs},
    );
    expect(open({version: 1, payload, trace: []})).toBe('ERR_SCHEMA');
    expect(
      refusalOf(() =>
        openReply({version: 1, payload: Buffer.from('{"protocol":"choria:secure:request:1"}'), trace: []}),
      ),
    ).toBe('ERR_REPLY_INVALID');
    const renamed = alterSecure({version: 1, payload, trace: []}, (document) => {
      document['protocol'] = 'choria:secure:request:1';
    });
    expect(refusalOf(() => openReply(renamed))).toBe('ERR_PROTOCOL_UNKNOWN');
  });
});

describe('fault 30: collectives and versions', () => {
  test('fault 30: a request for a collective that the node is not in is refused', () => {
    const request = decodeRequest(
      encodeRequestDocument({
        ...newRequest(nowMs),
        version: 1,
        callerId: 'choria=rip.mcollective',
        filter: {facts: [], classes: [], agents: [], identities: [], compounds: []},
      }),
      1,
    );
    expect(refusalOf(() => checkCollective(request, ['other']))).toBe('ERR_COLLECTIVE_UNKNOWN');
    expect(refusalOf(() => checkCollective(request, ['MCOLLECTIVE']))).toBe('ERR_COLLECTIVE_UNKNOWN');
    expect(refusalOf(() => checkCollective(request, ['other', 'mcollective']))).toBe('accepted');
  });

  test.each(['choria:transport:2', 'Choria:Transport:1', 'choria:transport:1 ', '', 'io.choria.protocol.v3.transport'])(
    'fault 30: protocol %j is unknown',
    (protocol) => {
      const text = JSON.stringify({protocol, data: 'e30=', headers: {}});
      expect(refusalOf(() => openTransport(Buffer.from(text)))).toBe('ERR_PROTOCOL_UNKNOWN');
    },
  );

  test('fault 30: version 2 is refused by a certificate based node, also in the request', async () => {
    expect(open({version: 2, payload: Buffer.from('{}'), trace: []})).toBe('ERR_PROTOCOL_UNKNOWN');
    const text = (await requestText()).replace('choria:request:1', 'io.choria.protocol.v2.request');
    expect(open(await signedText(text))).toBe('ERR_SCHEMA');
  });

  test('fault 30: fields of the future are ignored', async () => {
    const text = (await requestText()).replace('{"protocol"', '{"future":{"a":[1]},"protocol"');
    expect(open(await signedText(text))).toBe('accepted');
  });
});

describe('fault 31: clocks', () => {
  test.each([
    [0, true],
    [1, true],
    [-1, true],
    [59, true],
    [-59, true],
    [60, false],
    [-60, false],
    [61, false],
    [-61, false],
    [86_400, false],
    [-86_400, false],
  ])('fault 31: a request that is %i s old, TTL 60, is valid: %s', (ageSeconds, isValid) => {
    const request = {...newRequest(nowMs - ageSeconds * 1_000), callerId: 'choria=rip.mcollective'};
    expect(refusalOf(() => checkTtl(request, {nowMs})) === 'accepted').toBe(isValid);
  });
});

describe('fault 72: unsigned fields of the transport', () => {
  test.each([
    ['"headers":null'],
    ['"headers":[]'],
    ['"headers":"x"'],
    ['"headers":{"reply-to":7}'],
    ['"headers":{"reply-to":"mcollective.reply.*"}'],
    ['"headers":{"reply-to":"mcollective.reply.>"}'],
    ['"headers":{"reply-to":"mcollective.reply.a b"}'],
    ['"headers":{"reply-to":"mcollective.reply.a\\r\\nPUB x 0\\r\\n"}'],
    ['"headers":{"reply-to":"a..b"}'],
    [`"headers":{"reply-to":"mcollective.reply.${'x'.repeat(5_000)}"}`],
    ['"headers":{"mc_sender":"n1\\u001b[2J"}'],
    ['"headers":{"mc_sender":{}}'],
    ['"headers":{"seen-by":"x"}'],
    ['"headers":{"seen-by":[["a",1,"c"]]}'],
    [`"headers":{"seen-by":[${'["a","b","c"],'.repeat(100)}["a","b","c"]]}`],
    ['"headers":{"federation":[]}'],
    ['"headers":{"federation":{}}'],
    ['"headers":{"federation":{"req":"a","reply-to":"x.*"}}'],
    ['"headers":{"federation":{"req":"a","target":["mcollective.>"]}}'],
    ['"headers":{"federation":{"req":"a","target":"mcollective.node.n1"}}'],
    ['"headers":{"federation":{"req":"a","target":[1]}}'],
  ])('fault 72: %.60s is refused', (change) => {
    expect(refusalOf(() => openTransport(transportText(change)))).toBe('ERR_TRANSPORT_INVALID');
  });

  test.each([
    'mcollective.broadcast.agent.rpcutil',
    'mcollective.node.n1.example.net',
    'choria.federation.production.federation',
    'choria.lifecycle.event.shutdown.server',
    '$SYS.REQ.SERVER.PING',
    '$JS.API.STREAM.DELETE.X',
    'mcollective',
    'mcollective.reply',
    '_INBOX',
  ])('fault 72: no reply is ever published on %s', (replyTo) => {
    const transport = openTransport(transportText(`"headers":{"reply-to":${JSON.stringify(replyTo)}}`));
    expect(refusalOf(() => checkReplySubject(transport))).toBe('ERR_REPLY_SUBJECT_REFUSED');
  });

  test.each([
    'mcollective.reply.37bdf08389145a56c13096c178802d3b.1',
    '_INBOX.abc',
    'choria.federation.production.collective',
    'dev.null',
  ])('fault 72: %s is a place for replies', (replyTo) => {
    const transport = openTransport(transportText(`"headers":{"reply-to":${JSON.stringify(replyTo)}}`));
    expect(refusalOf(() => checkReplySubject(transport))).toBe('accepted');
  });
});

describe('fault 75: names', () => {
  test.each(['rip\nroot', 'a\u0000b', 'a\u001b[31mb', 'x'.repeat(300), 'a\u2028b'])(
    'fault 75: %j is refused as sender, agent and collective',
    async (name) => {
      for (const field of ['senderid', 'agent', 'collective']) {
        const document = JSON.parse(await requestText()) as {envelope: Record<string, unknown>};
        document.envelope[field] = name;
        expect(open(await signedText(JSON.stringify(document)))).toBe('ERR_REQUEST_INVALID');
      }
    },
  );

  test.each([
    'ripXprivilegedXmcollective',
    'xprivileged.mcollective',
    'rip.privilegedXmcollective',
    'rip.privileged.mcollective.evil.com',
  ])('fault 75: %s is no privileged caller', async (name) => {
    const fake = await callers.caller(name, {callerId: 'choria=rip.mcollective'});
    expect(open(await signedTransport(fake, newRequest(nowMs)))).toBe('ERR_REQUEST_UNVERIFIED');
  });

  test('fault 75: the real privileged name may speak for others', async () => {
    const signer = await callers.caller('signer.privileged.mcollective', {callerId: 'choria=rip.mcollective'});
    expect(open(await signedTransport(signer, newRequest(nowMs)))).toBe('accepted');
  });

  test("fault 75: the reference's own default patterns do not open the door to look-alikes", async () => {
    const lax = await callers.caller('rip.mcollective', {
      privilegedCallers: ['\\.privileged.mcollective$'],
      allowedCallers: ['\\.mcollective$'],
    });
    const fake = await callers.caller('rip.privilegedXmcollective', {callerId: 'choria=rip.mcollective'});
    const transport = await signedTransport(fake, newRequest(nowMs));
    expect(refusalOf(() => openRequest(transport, {provider: lax, nowMs}))).toBe('ERR_REQUEST_UNVERIFIED');
  });
});

describe('fault 76: keys and certificates of other kinds', () => {
  test.each(['ec', 'ed25519'] as const)('fault 76: a request signed with an %s key is refused', async (keyKind) => {
    const {privateKeyPem} = await generateKey(keyKind);
    const certificate = await callers.certificate('rip.mcollective', {keyPem: privateKeyPem});
    const base = await signedTransport(rip, newRequest(nowMs));
    const forged = alterSecure(base, (document) => {
      document['pubcert'] = certificate.certificatePem;
      document['signature'] = signWith(
        keyKind === 'ed25519' ? null : 'sha256',
        Buffer.from(document['message'] ?? ''),
        privateKeyPem,
      ).toString('base64');
    });
    expect(open(forged)).toBe('ERR_REQUEST_UNVERIFIED');
  });

  test('fault 76: an RSA key of 1024 bits proves nothing', async () => {
    const {privateKeyPem} = await generateKey('rsa', {rsaBits: 1_024});
    const certificate = await callers.certificate('rip.mcollective', {keyPem: privateKeyPem});
    const weak = callers.provider(certificate, {certname: 'rip.mcollective'});
    expect(open(await signedTransport(weak, newRequest(nowMs)))).toBe('ERR_REQUEST_UNVERIFIED');
  });

  test('fault 76: garbage in place of a certificate never crashes', async () => {
    const base = await signedTransport(rip, newRequest(nowMs));
    const good = Buffer.from(rip.credential.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const pem = (bytes: Uint8Array): string =>
      `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`;
    const flipped = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) === value ? value ^ 1 : value;
      return pem(bytes);
    });
    const garbage = fc.oneof(
      fc.string({minLength: 1}),
      fc.uint8Array().map(pem),
      flipped,
      fc.nat(good.length - 1).map((length) => pem(good.subarray(0, length))),
    );
    fc.assert(
      fc.property(garbage, (pubcert) => {
        const result = open(alterSecure(base, (document) => Object.assign(document, {pubcert})));
        expect(result).toMatch(/^ERR_(REQUEST_UNVERIFIED|SCHEMA)$/);
      }),
    );
  });

  test('fault 76: a certificate chain beyond the limit is refused', async () => {
    const base = await signedTransport(rip, newRequest(nowMs));
    expect(open(alterSecure(base, (document) => Object.assign(document, {pubcert: rip.credential.repeat(20)})))).toBe(
      'ERR_REQUEST_UNVERIFIED',
    );
  });
});

describe('fault 77: lives', () => {
  test('fault 77: a request with a TTL of years runs within the ceiling only', () => {
    const year = 31_536_000;
    const request = {...newRequest(nowMs, {ttlSeconds: 10 * year}), callerId: 'choria=rip.mcollective'};
    expect(refusalOf(() => checkTtl(request, {nowMs: nowMs + 3_599_000}))).toBe('accepted');
    expect(refusalOf(() => checkTtl(request, {nowMs: nowMs + 3_600_000}))).toBe('ERR_REQUEST_EXPIRED');
    expect(refusalOf(() => checkTtl(request, {nowMs: nowMs - 3_600_000}))).toBe('ERR_REQUEST_EXPIRED');
    expect(refusalOf(() => checkTtl(request, {nowMs: nowMs + 61_000, ttlCeilingSeconds: 60}))).toBe(
      'ERR_REQUEST_EXPIRED',
    );
  });
});

test('every refusal of this file carries its stage', () => {
  try {
    openTransport(Buffer.from('x'));
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    expect((error as ProtocolError).stage).toBe('transport');
  }
});
