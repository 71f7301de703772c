import {execFileSync} from 'node:child_process';
import {randomBytes, X509Certificate} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {assert, property, uint8Array} from 'fast-check';
import {beforeAll, describe, expect, test} from 'vitest';
import {FakeFiles} from '../../test/support/fake-files.ts';
import {createCertificateVerifier} from './chain.ts';
import {CryptoError} from './errors.ts';
import {formatPem} from './pem.ts';
import {parseRevocationList, readRevocationLists} from './revocation-list.ts';
import {issueRevocationList} from './revocation-list-issue.ts';
import {type IssuedCertificate, issueCertificate, issueCertificateAuthority, type KeyKind} from './x509-issue.ts';
import {createFileProvider, createMemoryProvider, createProofCache} from './x509-provider.ts';

const nowMs = Date.UTC(2026, 10, 21);
const dayMs = 86_400_000;
const random = {bytes: (count: number): Buffer => randomBytes(count)};
const make = (keyKind: KeyKind, commonName = 'Test CA'): Promise<IssuedCertificate> =>
  issueCertificateAuthority({commonName, nowMs, random, keyKind});

function listOf(authority: IssuedCertificate, certificates: readonly IssuedCertificate[], untilMs = nowMs + dayMs) {
  const revoked = certificates.map(({certificatePem}) => ({
    serial: new X509Certificate(certificatePem).serialNumber,
    atMs: nowMs,
  }));
  return issueRevocationList({authority, revoked, nowMs, untilMs});
}

let authority: IssuedCertificate;
let rip: IssuedCertificate;
let bob: IssuedCertificate;

beforeAll(async () => {
  authority = await make('ec');
  const issue = (commonName: string): Promise<IssuedCertificate> =>
    issueCertificate({authority, commonName, nowMs, random, keyKind: 'rsa'});
  [rip, bob] = await Promise.all([issue('rip.mcollective'), issue('bob.mcollective')]);
});

const verify = (crlPem: string, pem: string, atMs = nowMs) =>
  createCertificateVerifier(authority.certificatePem, crlPem).verifyClient(pem, atMs);

describe('fault 20: a list of revoked certificates', () => {
  test('refuses whom it names and nobody else', () => {
    const list = listOf(authority, [rip]);
    expect(() => verify(list, rip.certificatePem)).toThrow(
      /"rip.mcollective": "Test CA", who signed it, has revoked it/,
    );
    expect(verify(list, bob.certificatePem).certificate.commonName).toBe('bob.mcollective');
  });

  test('may be empty, but not missing for an authority, ended, of the future or signed by somebody else', async () => {
    const stranger = await make('ec');
    expect(verify(listOf(authority, []), rip.certificatePem).certificate.commonName).toBe('rip.mcollective');
    expect(() => verify(listOf(stranger, []), rip.certificatePem)).toThrow(/no revocation list in force/);
    expect(() => verify(listOf(authority, []), rip.certificatePem, nowMs + dayMs)).toThrow(
      /no revocation list in force/,
    );
    expect(() => verify(listOf(authority, []), rip.certificatePem, nowMs - 1000)).toThrow(
      /no revocation list in force/,
    );
  });

  test('ends a verdict with itself, however long the certificate lasts', () => {
    expect(verify(listOf(authority, []), rip.certificatePem).validUntilMs).toBe(nowMs + dayMs);
  });

  test('the newest of two lists of one authority decides', () => {
    const old = listOf(authority, []);
    const young = issueRevocationList({
      authority,
      revoked: [{serial: new X509Certificate(rip.certificatePem).serialNumber, atMs: nowMs}],
      nowMs: nowMs + 1000,
      untilMs: nowMs + dayMs,
    });
    for (const lists of [old + young, young + old]) {
      expect(() => verify(lists, rip.certificatePem, nowMs + 1000)).toThrow(/has revoked it/);
    }
  });

  test('a revoked authority between takes everybody below with it', async () => {
    const middle = await issueCertificateAuthority({commonName: 'Middle', nowMs, random, keyKind: 'ec', authority});
    const leaf = await issueCertificate({
      authority: middle,
      commonName: 'eve.mcollective',
      nowMs,
      random,
      keyKind: 'ec',
    });
    const chain = leaf.certificatePem + middle.certificatePem;
    const lists = (revoked: readonly IssuedCertificate[]) => listOf(authority, revoked) + listOf(middle, []);
    expect(verify(lists([]), chain).certificate.commonName).toBe('eve.mcollective');
    expect(() => verify(lists([middle]), chain)).toThrow(/"Middle".*has revoked it/);
    expect(() => verify(listOf(authority, []), chain)).toThrow(/no revocation list in force of "Middle"/);
  });

  test('a request signed by a revoked certificate is refused, also when its proof was accepted before the list changed', async () => {
    const proofs = createProofCache();
    const caPem = authority.certificatePem;
    const files = new FakeFiles({'/ca.pem': caPem, '/crl.pem': listOf(authority, [])});
    const paths = {certificatePath: '', keyPath: '', caPath: '/ca.pem', crlPath: '/crl.pem'};
    const node = await createFileProvider({files, certname: 'n1', proofs, ...paths});
    const caller = createMemoryProvider({certname: 'rip.mcollective', ...rip, caPem});
    const message = Buffer.from('message');
    const proof = {
      message,
      signature: await caller.sign(message),
      credential: rip.certificatePem,
      claimedCaller: 'choria=rip.mcollective',
      nowMs,
    };
    expect(node.verifyRequest(proof).callerId).toBe('choria=rip.mcollective');
    await files.writeAtomic('/crl.pem', listOf(authority, [rip]), {mode: 0o644});
    expect(await node.refresh?.()).toBe(true);
    expect(() => node.verifyRequest(proof)).toThrow(/has revoked it/);
    await files.writeAtomic('/crl.pem', 'half a list', {mode: 0o644});
    await expect(node.refresh?.()).rejects.toMatchObject({code: 'ERR_REVOCATIONS_INVALID'});
    expect(() => node.verifyRequest(proof)).toThrow(/has revoked it/);
  });
});

test.each<KeyKind>(['rsa', 'ec', 'ed25519'])(
  'openssl and we read the same in a list signed with %s',
  async (keyKind) => {
    const signer = await make(keyKind);
    const issued = await issueCertificate({authority: signer, commonName: 'n1', nowMs, random, keyKind: 'ec'});
    const pem = listOf(signer, [issued]);
    expect(() =>
      createCertificateVerifier(signer.certificatePem, pem).verifyClient(issued.certificatePem, nowMs),
    ).toThrow(/has revoked it/);
    const directory = mkdtempSync(join(tmpdir(), 'choria-crl-'));
    try {
      writeFileSync(join(directory, 'ca.pem'), signer.certificatePem);
      writeFileSync(join(directory, 'crl.pem'), pem);
      const text = execFileSync(
        'openssl',
        ['crl', '-in', join(directory, 'crl.pem'), '-CAfile', join(directory, 'ca.pem'), '-noout', '-text'],
        {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']},
      );
      expect(text.replaceAll(/\s/g, '')).toContain(
        `SerialNumber:${new X509Certificate(issued.certificatePem).serialNumber}`,
      );
    } finally {
      rmSync(directory, {recursive: true});
    }
  },
);

describe('what is no whole list', () => {
  test.each(['', 'not PEM', formatPem('CERTIFICATE', Buffer.from([0x30, 0]))])('%j is an error', (text) => {
    expect(() => readRevocationLists(text)).toThrow(CryptoError);
  });

  test('any bytes end in our own error', () => {
    assert(
      property(uint8Array({maxLength: 200}), (bytes) => {
        expect(() => parseRevocationList(Buffer.from(bytes))).toThrow(CryptoError);
      }),
    );
  });
});
