import {execFileSync} from 'node:child_process';
import {createHash, randomBytes, X509Certificate} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {parseCertificate} from './certificate.ts';
import {createCertificateVerifier} from './chain.ts';
import {
  createCertificateRequest,
  generateKey,
  issueCertificate,
  issueCertificateAuthority,
  type KeyKind,
} from './x509-issue.ts';

const nowMs = Date.UTC(2026, 10, 21);
const random = {bytes: (count: number): Buffer => randomBytes(count)};

function openssl(args: readonly string[]): string | undefined {
  try {
    return execFileSync('openssl', [...args], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

describe.each<KeyKind>(['rsa', 'ec', 'ed25519'])('certificates with %s keys', (keyKind) => {
  test('chain, names, dates and purposes are what was asked for, to node and to openssl', async () => {
    const authority = await issueCertificateAuthority({commonName: 'Test CA', nowMs, random, keyKind});
    const issued = await issueCertificate({
      authority,
      commonName: 'n1.example.net',
      dnsNames: ['n1.example.net', 'localhost'],
      ipAddresses: ['127.0.0.1'],
      nowMs,
      random,
      keyKind,
    });
    const root = new X509Certificate(authority.certificatePem);
    const leaf = new X509Certificate(issued.certificatePem);
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkHost('localhost')).toBe('localhost');
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.subject).toBe('CN=n1.example.net');
    expect(new Date(leaf.validFrom).getTime()).toBe(nowMs - 300_000);
    const parsed = parseCertificate(leaf.raw);
    expect(parsed).toMatchObject({
      commonName: 'n1.example.net',
      dnsNames: ['n1.example.net', 'localhost'],
      isAuthority: false,
    });
    const trusted = createCertificateVerifier(authority.certificatePem).verifyClient(issued.certificatePem, nowMs);
    expect(trusted.certificate.commonName).toBe('n1.example.net');

    const directory = mkdtempSync(join(tmpdir(), 'choria-x509-'));
    try {
      writeFileSync(join(directory, 'ca.pem'), authority.certificatePem);
      writeFileSync(join(directory, 'leaf.pem'), issued.certificatePem);
      const verdict = openssl([
        'verify',
        '-attime',
        String(nowMs / 1_000),
        '-x509_strict',
        '-purpose',
        'sslclient',
        '-CAfile',
        join(directory, 'ca.pem'),
        join(directory, 'leaf.pem'),
      ]);
      if (verdict !== undefined) expect(verdict).toContain('OK');
    } finally {
      rmSync(directory, {recursive: true});
    }
  });

  test('a certificate request verifies and names its subject in order', async () => {
    const {privateKeyPem} = await generateKey(keyKind);
    const request = createCertificateRequest({
      keyPem: privateKeyPem,
      commonName: 'n1.example.net',
      organizationalUnit: 'choria.io',
      dnsNames: ['a.example.net'],
    });
    expect(request.fingerprint).toBe(createHash('sha256').update(request.der).digest('hex'));
    const directory = mkdtempSync(join(tmpdir(), 'choria-csr-'));
    try {
      const path = join(directory, 'csr.pem');
      writeFileSync(path, request.pem);
      const text = openssl(['req', '-in', path, '-verify', '-noout', '-text']);
      if (text !== undefined) {
        expect(text).toMatch(/Subject: OU ?= ?choria\.io, CN ?= ?n1\.example\.net/);
        expect(text).toContain('DNS:a.example.net');
      }
    } finally {
      rmSync(directory, {recursive: true});
    }
  });
});

test('a name with control characters gets no certificate', async () => {
  const authority = await issueCertificateAuthority({commonName: 'Test CA', nowMs, random, keyKind: 'ec'});
  await expect(issueCertificate({authority, commonName: 'a\nb', nowMs, random, keyKind: 'ec'})).rejects.toMatchObject({
    code: 'ERR_CERTIFICATE_INVALID',
  });
});

test('an intermediate authority is trusted only when the caller brings it', async () => {
  const root = await issueCertificateAuthority({commonName: 'Root', nowMs, random, keyKind: 'ec'});
  const middle = await issueCertificateAuthority({commonName: 'Middle', nowMs, random, keyKind: 'ec', authority: root});
  const leaf = await issueCertificate({authority: middle, commonName: 'rip.mcollective', nowMs, random, keyKind: 'ec'});
  const verifier = createCertificateVerifier(root.certificatePem);
  expect(() => verifier.verifyClient(leaf.certificatePem, nowMs)).toThrow(/no trusted authority/);
  const chain = leaf.certificatePem + middle.certificatePem;
  expect(verifier.verifyClient(chain, nowMs).certificate.commonName).toBe('rip.mcollective');
});

test('a leaf cannot act as an authority', async () => {
  const root = await issueCertificateAuthority({commonName: 'Root', nowMs, random, keyKind: 'ec'});
  const node = await issueCertificate({authority: root, commonName: 'node', nowMs, random, keyKind: 'ec'});
  const forged = await issueCertificate({authority: node, commonName: 'rip.mcollective', nowMs, random, keyKind: 'ec'});
  const verifier = createCertificateVerifier(root.certificatePem);
  expect(() => verifier.verifyClient(forged.certificatePem + node.certificatePem, nowMs)).toThrow(
    /no trusted authority/,
  );
});

test.each([
  ['expired', {notBeforeMs: nowMs - 2_000_000, validityMs: 1_000_000}, /was valid until/],
  ['not yet valid', {notBeforeMs: nowMs + 1_000_000}, /is valid from/],
  ['for servers only', {usages: ['serverAuth'] as const}, /clientAuth/],
])('a certificate that is %s is refused', async (_title, change, message) => {
  const authority = await issueCertificateAuthority({commonName: 'Root', nowMs, random, keyKind: 'ec'});
  const leaf = await issueCertificate({
    authority,
    commonName: 'rip.mcollective',
    nowMs,
    random,
    keyKind: 'ec',
    ...change,
  });
  expect(() => createCertificateVerifier(authority.certificatePem).verifyClient(leaf.certificatePem, nowMs)).toThrow(
    message,
  );
});
