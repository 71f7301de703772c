import {beforeAll, describe, expect, test} from 'vitest';
import {type Callers, createCallers} from '../../test/support/callers.ts';
import {createStubCertManager} from '../../test/support/cert-manager.ts';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {parseCertificateRequest} from '../crypto/index.ts';
import {enrollWithCertManager} from './certmanager-enroll.ts';

const account = '/var/run/secrets/kubernetes.io/serviceaccount';
let callers: Callers;
let keyPem: string;

beforeAll(async () => {
  callers = await createCallers();
  ({keyPem} = await callers.certificate('pod1'));
});

function setUp() {
  const stub = createStubCertManager({authority: callers.authority, nowMs: callers.nowMs});
  const fake = createFakePlatform({
    http: stub.http,
    files: {
      [`${account}/token`]: 'account-token\n',
      [`${account}/ca.crt`]: callers.authority.certificatePem,
      '/ssl/key.pem': keyPem,
    },
  });
  const logger = createRecordingLogger();
  const enroll = (change: Partial<Parameters<typeof enrollWithCertManager>[0]> = {}) =>
    enrollWithCertManager({
      platform: fake.platform,
      logger,
      sslDirectory: '/ssl',
      identity: 'pod1.example.net',
      namespace: 'choria',
      issuer: 'issuer1',
      apiVersion: 'v1',
      altNames: ['also.example.net'],
      replace: true,
      ...change,
    });
  return {stub, enroll, logger, ...fake};
}

describe('enrolment with cert-manager', () => {
  test('asks as the account of the pod, for its names, and keeps key, request, certificate and authority', async () => {
    const {stub, enroll, files} = setUp();
    expect(await enroll()).toBe(true);
    const [post, get] = stub.requests;
    expect(stub.requests).toHaveLength(2);
    expect([post?.method, get?.method]).toEqual(['POST', 'GET']);
    expect(post?.headers).toMatchObject({Authorization: 'Bearer account-token', 'Content-Type': 'application/json'});
    expect(post?.tls?.material).toEqual({caPem: callers.authority.certificatePem});
    const document = JSON.parse(String(post?.body)) as {
      readonly spec: {readonly csr: string; readonly request: string};
    };
    expect(document).toMatchObject({
      apiVersion: 'cert-manager.io/v1',
      kind: 'CertificateRequest',
      metadata: {name: 'pod1.example.net', namespace: 'choria'},
      spec: {issuerRef: {name: 'issuer1'}},
    });
    expect(document.spec.request).toBe(document.spec.csr);
    const request = Buffer.from(document.spec.csr, 'base64').toString('utf8');
    expect(parseCertificateRequest(request)).toMatchObject({
      commonName: 'pod1.example.net',
      dnsNames: ['pod1.example.net', 'also.example.net'],
    });
    expect(files.text('/ssl/csr.pem')).toBe(request);
    expect(files.text('/ssl/ca.pem')).toBe(callers.authority.certificatePem);
    expect(await enroll()).toBe(false);
  });

  test('replaces a request that is there, or says that it may not', async () => {
    const {enroll, files, logger} = setUp();
    await enroll();
    await files.remove('/ssl/cert.pem');
    await enroll();
    expect(logger.lines.some(({message}) => message.includes('removed and made anew'))).toBe(true);
    await files.remove('/ssl/cert.pem');
    await expect(enroll({replace: false})).rejects.toThrow(/has a request for "pod1.example.net" already/);
  });

  test('waits while nobody has signed, a minute and no more', async () => {
    const {stub, enroll, clock} = setUp();
    stub.delay = 5;
    const soon = enroll();
    await clock.advance(10_000);
    expect(await soon).toBe(true);
    stub.delay = 1_000_000;
    const never = setUp();
    never.stub.delay = 1_000_000;
    const waiting = expect(never.enroll()).rejects.toThrow(/has not signed the request "pod1.example.net" in 60 s/);
    await never.clock.advance(70_000);
    await waiting;
  });

  test.each([
    {status: 403, says: /403 .*needs the right to create/},
    {status: 500, says: /did not take the request: 500/},
  ])('an answer of $status is told', async ({status, says}) => {
    const {stub, enroll} = setUp();
    stub.broken = status;
    await expect(enroll()).rejects.toThrow(says);
  });

  test.each(['../x', 'a/b', '', 'a?b', '.', 'a..b'])(
    'the identity %j never becomes part of an address',
    async (identity) => {
      const {stub, enroll} = setUp();
      await expect(enroll({identity})).rejects.toMatchObject({code: 'ERR_ENROLL_FAILED'});
      expect(stub.requests).toEqual([]);
    },
  );

  test('a certificate that has ended is had anew for the same key', async () => {
    const {enroll, files, stub} = setUp();
    await enroll();
    const ended = await callers.certificate('pod1.example.net', {
      notBeforeMs: callers.nowMs - 86_400_000,
      validityMs: 1000,
    });
    files.put('/ssl/cert.pem', ended.certificatePem);
    expect(await enroll()).toBe(true);
    expect(stub.requests.filter(({method}) => method === 'POST')).toHaveLength(3);
    expect(files.text('/ssl/key.pem')).toBe(keyPem);
  });
});
