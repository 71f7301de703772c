/** Recipes for programs that act as an operator: docs/guides/client-library.md shows them, a test runs them. */
import {defineAction, defineAgent} from '../../src/rpc/index.ts';
import {
  agentCalls,
  type Client,
  type ClientOptions,
  ClientError,
  createClient,
  createNodePlatform,
  findUserConfig,
  loadConfig,
  mergeStatistics,
} from '../../src/client/index.ts';

export async function connect(): Promise<Client> {
  const platform = createNodePlatform();
  const path = await findUserConfig(platform);
  const config = await loadConfig({platform, mode: 'user', path});
  return createClient({config, platform});
}

export async function whoIsThere(client: Client): Promise<readonly string[]> {
  const found = await client.discover({filter: {facts: ['country=mt']}, agent: 'rpcutil'});
  if (!found.complete) {
    for (const {identity, words} of found.missing ?? []) console.error(`${identity} ${words}`);
  }
  return found.identities;
}

export async function askEverybody(client: Client): Promise<ReadonlyMap<string, unknown>> {
  const values = new Map<string, unknown>();
  const replies = client.request('rpcutil', 'get_fact', {fact: 'role'});
  for await (const {sender, statusCode, statusMessage, data} of replies) {
    if (statusCode === 0) values.set(sender, (data as {value: unknown}).value);
    else console.error(`${sender}: ${statusMessage}`);
  }
  const {silences} = await replies.finished;
  for (const {identity, reason} of silences) console.error(`${identity} did not answer: ${reason}`);
  return values;
}

export async function firstThatAnswers(client: Client, targets: readonly string[]): Promise<string | undefined> {
  // Leaving the loop ends the request.
  for await (const {sender} of client.request('rpcutil', 'ping', {}, {targets})) return sender;
  return undefined;
}

export async function atMost(client: Client, milliseconds: number): Promise<{answers: number; interrupted: boolean}> {
  const signal = AbortSignal.timeout(milliseconds);
  const replies = client.request('rpcutil', 'ping', {}, {signal});
  let answers = 0;
  for await (const _reply of replies) answers += 1;
  const {interrupted} = await replies.finished;
  return {answers, interrupted};
}

export async function withProgress(client: Client): Promise<readonly string[]> {
  const lines: string[] = [];
  const replies = client.request(
    'rpcutil',
    'ping',
    {},
    {
      batchSize: 2,
      batchSleepMs: 100,
      limit: '100%',
      onDiscovered: ({identities}, limited) => lines.push(`asking ${limited.length} of ${identities.length}`),
      onProgress: ({answered, expected, waitingFor}) =>
        lines.push(`${answered} of ${expected ?? '?'}, ${waitingFor().length} to come`),
    },
  );
  await replies.finished;
  return lines;
}

/** Several requests as one, on a connection that the broker shows under a name of ours. */
export async function inParts(options: ClientOptions): Promise<{asked: readonly string[]; ok: number}> {
  await using client = createClient({...options, connectionName: 'nightly report'});
  const {identities} = await client.discover();
  const parts = [];
  for (const target of identities) {
    parts.push(await client.request('rpcutil', 'ping', {}, {targets: [target]}).finished);
  }
  const {targets, ok} = mergeStatistics(parts);
  return {asked: targets, ok};
}

export async function whatCanGoWrong(client: Client): Promise<string> {
  try {
    await client.request('rpcutil', 'ping', {colour: 'blue'}).finished;
    return 'fine';
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    switch (error.code) {
      case 'ERR_CLIENT_INPUT':
        return `the call is wrong: ${error.message}`;
      case 'ERR_CLIENT_NO_NODES':
        return 'nobody to ask';
      default:
        return `${error.code}: ${error.message}`;
    }
  }
}

/** An agent of our own; nodes load the same module. */
export const greeter = defineAgent({
  name: 'greeter',
  description: 'Greets',
  author: 'Ops <ops@example.net>',
  license: 'Apache-2.0',
  version: '1.0.0',
  url: 'https://example.net',
  timeoutSeconds: 5,
  actions: {
    greet: defineAction({
      description: 'Greets somebody',
      inputs: {
        name: {type: 'string', description: 'Whom', maxLengthBytes: 40, validation: '^[A-Z][a-z]+$'},
        loud: {type: 'boolean', description: 'In capitals', optional: true},
      },
      outputs: {greeting: {type: 'string', description: 'The words'}},
      run: async ({name, loud}) => ({greeting: loud === true ? `HELLO ${name.toUpperCase()}` : `Hello ${name}`}),
    }),
  },
});

export async function greetings(client: Client): Promise<ReadonlyMap<string, string | undefined>> {
  const {greet} = agentCalls(client, greeter);
  const heard = new Map<string, string | undefined>();
  for await (const {sender, ok, data} of greet({name: 'Ada', loud: true})) {
    heard.set(sender, ok ? (data.greeting ?? undefined) : undefined);
  }
  return heard;
}
