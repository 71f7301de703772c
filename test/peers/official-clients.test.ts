/**
 * The official clients of Go, Python, Java and Rust, unchanged, against our embedded engine; the same programs against the real nats-server give the
 * facts that ours must give. (nats.js has its own file.)
 */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {
  type BrokerProcess,
  buildProgram,
  type ClientName,
  type Facts,
  runScenario,
  startBrokerProcess,
} from './clients/programs.ts';
import {nkeySeed, plain, token, type Variant, variants} from './clients/variants.ts';
import {startNatsServer} from './nats-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'choria-clients-'));
const seedFile = join(directory, 'user.nk');
afterAll(() => rmSync(directory, {recursive: true, force: true}));

/** The programs read the seed from a file. */
const environment = ({env}: Variant): Readonly<Record<string, string>> =>
  env['NATS_SEED'] === undefined ? env : {...env, NATS_SEED: seedFile};

interface Running extends AsyncDisposable {
  readonly port: number;
}

const urlOf = (variant: Variant, {port}: Running): string => `${variant.scheme}://127.0.0.1:${port}`;
const startTheirs = (variant: Variant): Promise<Running> => startNatsServer({config: variant.theirs});
const startOurs = (variant: Variant): Promise<BrokerProcess> => startBrokerProcess(variant.ours);

const steadyScenarios = ['messages', 'queue', 'request', 'headers', 'drain', 'slow'] as const;

/** What the documentation of the clients promises, so that both brokers failing alike is noticed. */
const promised: Readonly<Record<(typeof steadyScenarios)[number], Facts>> = {
  messages: {seen: ['* a.b.c hi', '> a.b hi', '> a.b.c hi', '> a.b.d hi'], bytes: 500_000},
  queue: {total: 300, served: 3},
  request: {answer: 're: hi', nobody: true},
  headers: {values: ['one', 'two']},
  drain: {seen: 1000},
  slow: {noticed: true, alive: true},
};

/** nats-py keeps one value for each name of a header. */
const exceptions: Readonly<Record<string, Facts>> = {'nats-py headers': {values: ['one']}};

describe.each<ClientName>(['nats.go', 'nats-py', 'jnats', 'async-nats'])('%s', (client) => {
  beforeAll(() => {
    writeFileSync(seedFile, nkeySeed, {mode: 0o600});
    buildProgram(client);
  }, 900_000);

  test.each(steadyScenarios)('%s: the same facts as on nats-server', async (scenario) => {
    await using ours = await startOurs(plain);
    await using theirs = await startTheirs(plain);
    const facts = await runScenario(client, scenario, {env: {NATS_URL: urlOf(plain, ours)}});
    expect(facts).toEqual(exceptions[`${client} ${scenario}`] ?? promised[scenario]);
    expect(facts).toEqual(await runScenario(client, scenario, {env: {NATS_URL: urlOf(plain, theirs)}}));
  });

  test.each(variants)('works with $name', async (variant) => {
    await using ours = await startOurs(variant);
    const env = {...environment(variant), NATS_URL: urlOf(variant, ours)};
    expect(await runScenario(client, 'messages', {env})).toEqual(promised.messages);
    expect(await runScenario(client, 'request', {env})).toEqual(promised.request);
  });

  test('a wrong token is refused with the words of nats-server', async () => {
    await using ours = await startOurs(token);
    await using theirs = await startTheirs(token);
    const ask = (broker: Running): Promise<Facts> =>
      runScenario(client, 'refused', {env: {NATS_URL: urlOf(token, broker), NATS_TOKEN: 'open barley'}});
    const facts = await ask(ours);
    expect(facts).toMatchObject({refused: true, message: expect.stringContaining('authorization')});
    const withoutPort = ({message, ...rest}: Facts): Facts => ({
      ...rest,
      message: String(message).replaceAll(/:\d+/g, ''),
    });
    expect(withoutPort(facts)).toEqual(withoutPort(await ask(theirs)));
  });

  test('comes back with its subscriptions after a kill -9 of the broker', async () => {
    const first = await startOurs(plain);
    let second: BrokerProcess | undefined;
    try {
      const facts = await runScenario(client, 'reconnect', {
        env: {NATS_URL: urlOf(plain, first)},
        onReady: async () => {
          await first[Symbol.asyncDispose]();
          second = await startBrokerProcess({port: first.port});
        },
      });
      expect(facts).toEqual({back: true});
    } finally {
      await first[Symbol.asyncDispose]();
      await second?.[Symbol.asyncDispose]();
    }
  });
});
