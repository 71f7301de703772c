/** What every security provider must do, however it keeps its key. Each provider runs all of it, made from a configuration as programs make it. */
import {describe, expect, test} from 'vitest';
import type {ProvenCaller, RequestProof, SecurityProvider} from '../../src/crypto/index.ts';

/** One caller's set-up, and a node that trusts the same. */
export interface ProviderWorld {
  /** As a program makes it from the configuration. */
  open(): Promise<SecurityProvider>;
  readonly technology: SecurityProvider['technology'];
  readonly callerId: string;
  /** Trusts what the caller's provider trusts. */
  readonly node: SecurityProvider;
  /** Says that it is the same caller, but nobody trusts who vouched for it. */
  readonly stranger: SecurityProvider;
  readonly nowMs: number;
  /** Texts that no error may show. */
  readonly secrets: readonly string[];
  /** Takes something away that is needed; what the error then says. */
  takeAway(): Promise<RegExp>;
  /** New credentials of the same caller, where the provider keeps them in files. */
  readonly renew?: () => Promise<void>;
  /** Half-written files in the place of credentials. */
  readonly spoil?: () => Promise<void>;
  close?(): Promise<void>;
}

export interface ProviderSuite {
  readonly name: SecurityProvider['name'];
  make(): Promise<ProviderWorld>;
  readonly skip?: boolean;
}

const farFutureMs = 30 * 365 * 86_400_000;

async function proofBy(
  provider: SecurityProvider,
  world: ProviderWorld,
  change: Partial<RequestProof> = {},
): Promise<RequestProof> {
  const message = Buffer.from('{"protocol":"whatever"}');
  return {
    message,
    signature: await provider.sign(message),
    credential: provider.credential,
    claimedCaller: world.callerId,
    nowMs: world.nowMs,
    ...change,
  };
}

async function errorOf(work: () => unknown): Promise<{readonly code?: string; readonly text: string}> {
  try {
    await work();
  } catch (error) {
    const failure = error as Error & {readonly code?: string};
    const text = JSON.stringify([
      failure.message,
      failure.stack,
      failure.cause,
      (failure as {details?: unknown}).details,
    ]);
    return {...(failure.code === undefined ? {} : {code: failure.code}), text};
  }
  throw new Error('it was accepted');
}

export function describeProvider(suite: ProviderSuite): void {
  const run = async (use: (world: ProviderWorld) => Promise<void>): Promise<void> => {
    const world = await suite.make();
    try {
      await use(world);
    } finally {
      await world.close?.();
    }
  };

  describe.skipIf(suite.skip === true)(`the provider ${suite.name}`, () => {
    test('is who the configuration says, finds nothing wrong, and has whom to trust', () =>
      run(async (world) => {
        const provider = await world.open();
        expect(provider).toMatchObject({name: suite.name, technology: world.technology, callerId: world.callerId});
        expect(await provider.validate()).toEqual([]);
        expect(provider.tls.caPem).toContain('BEGIN CERTIFICATE');
      }));

    test('signs what a node proves to be its caller’s', () =>
      run(async (world) => {
        const provider = await world.open();
        const proven: ProvenCaller = world.node.verifyRequest(await proofBy(provider, world));
        expect(proven.callerId).toBe(world.callerId);
        expect(proven.validUntilMs).toBeGreaterThan(world.nowMs);
        expect(provider.verifyRequest(await proofBy(provider, world)).callerId).toBe(world.callerId);
      }));

    test.each([
      {what: 'another message', change: {message: Buffer.from('other')}},
      {what: 'no signature', change: {signature: Buffer.alloc(0)}},
      {what: 'a signature of zeros', change: {signature: Buffer.alloc(256)}},
      {what: 'another caller', change: {claimedCaller: 'choria=alice.mcollective'}},
      {what: 'a name behind the caller’s', change: {claimedCaller: 'SELF=x'}},
      {what: 'no credential', change: {credential: ''}},
      {what: 'a time when it has ended', change: {nowMs: Date.UTC(2026, 10, 21) + farFutureMs}},
    ])('its proof does not hold for $what', ({change}) =>
      run(async (world) => {
        const {claimedCaller} = change as {readonly claimedCaller?: string};
        const own = claimedCaller?.replace('SELF', world.callerId);
        const proof = await proofBy(await world.open(), world, {
          ...change,
          ...(own === undefined ? {} : {claimedCaller: own}),
        });
        const {code, text} = await errorOf(() => world.node.verifyRequest(proof));
        expect(code).toMatch(/^ERR_(SIGNATURE_INVALID|CERTIFICATE_INVALID|CALLER_NOT_ALLOWED|TOKEN_INVALID)$/);
        for (const secret of world.secrets) expect(text).not.toContain(secret);
      }),
    );

    test('somebody for whom nobody vouches is not its caller', () =>
      run(async (world) => {
        const proof = await proofBy(world.stranger, world);
        expect((await errorOf(() => world.node.verifyRequest(proof))).code).toMatch(/^ERR_/);
      }));

    test('says what is missing, and shows no secret', () =>
      run(async (world) => {
        const problem = await world.takeAway();
        const {text} = await errorOf(() => world.open());
        expect(text).toMatch(problem);
        for (const secret of world.secrets) expect(text).not.toContain(secret);
      }));

    test('uses renewed credentials without a new start, and keeps good ones when there is only rubbish', () =>
      run(async (world) => {
        if (world.renew === undefined || world.spoil === undefined) return;
        const provider = await world.open();
        const before = provider.credential;
        expect(await provider.refresh?.()).toBe(false);
        await world.renew();
        expect(await provider.refresh?.()).toBe(true);
        expect(provider.credential).not.toBe(before);
        expect(world.node.verifyRequest(await proofBy(provider, world)).callerId).toBe(world.callerId);
        const renewed = provider.credential;
        await world.spoil();
        const {text} = await errorOf(() => provider.refresh?.());
        for (const secret of world.secrets) expect(text).not.toContain(secret);
        expect(provider.credential).toBe(renewed);
        expect(world.node.verifyRequest(await proofBy(provider, world)).callerId).toBe(world.callerId);
      }));
  });
}
