import {beforeAll, describe, expect, test} from 'vitest';
import {type Callers, createCallers} from '../../test/support/callers.ts';
import {FakeFiles} from '../../test/support/fake-files.ts';
import {createNameMatcher} from './caller-names.ts';
import type {SecurityProvider} from './types.ts';
import {createFileProvider, createProofCache, createPuppetProvider} from './x509-provider.ts';

let callers: Callers;
let rip: SecurityProvider;

beforeAll(async () => {
  callers = await createCallers();
  rip = await callers.caller('rip.mcollective');
});

async function proofBy(signer: SecurityProvider, claimedCaller: string) {
  const message = Buffer.from('message');
  return {
    message,
    signature: await signer.sign(message),
    credential: signer.credential,
    claimedCaller,
    nowMs: callers.nowMs,
  };
}

describe('the file layouts', () => {
  test('a file provider reads its three files and finds nothing wrong', async () => {
    const certificate = await callers.certificate('rip.mcollective');
    const files = new FakeFiles({
      '/etc/choria/cert.pem': certificate.certificatePem,
      '/etc/choria/key.pem': certificate.keyPem,
      '/etc/choria/ca.pem': callers.authority.certificatePem,
    });
    const provider = await createFileProvider({
      files,
      certname: 'rip.mcollective',
      certificatePath: '/etc/choria/cert.pem',
      keyPath: '/etc/choria/key.pem',
      caPath: '/etc/choria/ca.pem',
    });
    expect(await provider.validate()).toEqual([]);
    expect(provider.callerId).toBe('choria=rip.mcollective');
    expect(provider.verifyRequest(await proofBy(provider, 'choria=rip.mcollective')).signedBy).toBe('rip.mcollective');
  });

  test('a puppet provider names every file that is missing, and refuses what needs them', async () => {
    const provider = await createPuppetProvider({files: new FakeFiles(), certname: 'n1', sslDirectory: '/ssl'});
    expect(await provider.validate()).toEqual([
      'public certificate /ssl/certs/n1.pem does not exist',
      'private key /ssl/private_keys/n1.pem does not exist',
      'CA /ssl/certs/ca.pem does not exist',
    ]);
    await expect(provider.sign(Buffer.from('x'))).rejects.toMatchObject({code: 'ERR_CREDENTIALS_MISSING'});
    const proof = await proofBy(rip, 'choria=rip.mcollective');
    expect(() => provider.verifyRequest(proof)).toThrow(/no CA certificate/);
  });

  test('paths that are not configured are named', async () => {
    const options = {files: new FakeFiles(), certname: 'n1', certificatePath: '', keyPath: '', caPath: ''};
    expect(await (await createFileProvider(options)).validate()).toEqual([
      'the public certificate path is not configured',
      'the private key path is not configured',
      'the CA path is not configured',
    ]);
  });

  test('a key that cannot be read is an error that does not show it', async () => {
    const files = new FakeFiles({'/key.pem': 'SECRET not a key'});
    const provider = await createFileProvider({
      files,
      certname: 'n1',
      certificatePath: '',
      keyPath: '/key.pem',
      caPath: '',
    });
    const failure = await provider.sign(Buffer.from('x')).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({code: 'ERR_KEY_INVALID'});
    expect(String((failure as Error).stack)).not.toContain('SECRET');
  });
});

test('a proof that was checked is not checked again, until its time or its certificate ends', async () => {
  const proofs = createProofCache();
  const provider = await callers.caller('rip.mcollective', {proofs});
  const proof = await proofBy(provider, 'choria=rip.mcollective');
  const first = provider.verifyRequest(proof);
  expect(provider.verifyRequest(proof)).toBe(first);
  expect(provider.verifyRequest({...proof, nowMs: proof.nowMs + 61_000})).not.toBe(first);
  expect(() => provider.verifyRequest({...proof, nowMs: first.validUntilMs})).toThrow(/was valid until/);
  expect(() => provider.verifyRequest({...proof, claimedCaller: 'choria=bob.mcollective'})).toThrow(
    /certificate is for/,
  );
});

test('a proof that was checked speaks for its own message and signature only', async () => {
  const provider = await callers.caller('rip.mcollective', {proofs: createProofCache()});
  const proof = await proofBy(provider, 'choria=rip.mcollective');
  provider.verifyRequest(proof);
  const other = await provider.sign(Buffer.from('another'));
  // Of the same length, so that nothing but the bytes tells them apart.
  expect(() => provider.verifyRequest({...proof, message: Buffer.from('messagE')})).toThrow(/signature/i);
  expect(() => provider.verifyRequest({...proof, signature: other})).toThrow(/signature/i);
  expect(() => provider.verifyRequest({...proof, message: Buffer.concat([proof.message, proof.signature])})).toThrow(
    /signature/i,
  );
});

test('providers that trust the same share an identity, others do not', async () => {
  const same = await callers.caller('bob.mcollective');
  const other = await callers.caller('bob.mcollective', {allowedCallers: ['.']});
  const foreign = await (await createCallers()).caller('bob.mcollective');
  expect(same.trustId).toBe(rip.trustId);
  expect(new Set([rip.trustId, other.trustId, foreign.trustId]).size).toBe(3);
});

test.each([
  ['\\.mcollective$', 'rip.mcollective', true],
  ['\\.mcollective$', 'ripXmcollective', false],
  ['/^rip/', 'rip.mcollective', true],
  ['rip', 'x.rip.y', true],
  ['(', 'rip', false],
  ['(?=rip)', 'rip', false],
])('the caller pattern %s on %s: %s', (pattern, name, verdict) => {
  expect(createNameMatcher([pattern]).matches(name)).toBe(verdict);
});
