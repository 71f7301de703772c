/** Brokers with the settings of a vector. */
import {
  createStaticAuthenticator,
  type EmbeddedEngineOptions,
  type Permissions,
} from '../../../../../src/broker/index.ts';
export {collapse, RawClient} from '../../../../support/raw-client.ts';
import {startTestBroker, type TestBroker} from '../../../../support/broker.ts';

export interface WireStep {
  readonly dir: 'client' | 'server';
  readonly data: string;
  readonly closed_after?: boolean;
}

/** Operations of a server's text, each with its payload, so that MSGs may come in another order. */
export function splitOperations(text: string): string[] {
  const operations: string[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return [...operations, text.slice(at)];
    const line = text.slice(at, end);
    let next = end + 2;
    if (/^H?MSG /.test(line)) next += Number(line.split(' ').at(-1)) + 2;
    operations.push(text.slice(at, next));
    at = next;
  }
  return operations;
}

interface ServerUser {
  readonly user?: string;
  readonly password?: string;
  readonly nkey?: string;
  readonly permissions?: ServerPermissions;
}

type Subjects =
  | string
  | readonly string[]
  | {readonly allow?: string | readonly string[]; readonly deny?: string | readonly string[]};

export interface ServerPermissions {
  readonly publish?: Subjects;
  readonly subscribe?: Subjects;
  readonly allow_responses?: {readonly max: number; readonly expires: string};
}

/** Settings in the words of a nats-server configuration. */
export interface ServerSettings {
  readonly max_payload?: number;
  readonly max_control_line?: number;
  readonly max_subscriptions?: number;
  readonly max_connections?: number;
  readonly max_pending?: number;
  readonly ping_interval?: string;
  readonly ping_max?: number;
  readonly write_deadline?: string;
  readonly authorization?: {readonly timeout?: number; readonly token?: string; readonly users?: readonly ServerUser[]};
}

const account = 'users';

export function brokerOptions(settings: ServerSettings): Partial<EmbeddedEngineOptions> {
  const {authorization} = settings;
  const limits = {
    ...(settings.max_payload === undefined ? {} : {payloadBytesMax: settings.max_payload}),
    ...(settings.max_control_line === undefined ? {} : {controlLineBytesMax: settings.max_control_line}),
    ...(settings.max_subscriptions === undefined ? {} : {subscriptionsMax: settings.max_subscriptions}),
    ...(settings.max_connections === undefined ? {} : {connectionsMax: settings.max_connections}),
    ...(settings.max_pending === undefined ? {} : {pendingBytesMax: settings.max_pending}),
    ...(settings.ping_interval === undefined ? {} : {pingIntervalMs: seconds(settings.ping_interval)}),
    ...(settings.ping_max === undefined ? {} : {pingsOutMax: settings.ping_max}),
    ...(settings.write_deadline === undefined ? {} : {writeDeadlineMs: seconds(settings.write_deadline)}),
    ...(authorization?.timeout === undefined ? {} : {authTimeoutMs: authorization.timeout * 1000}),
  };
  if (authorization === undefined) return {limits};
  return {
    limits,
    accounts: [account],
    authenticator: createStaticAuthenticator({
      ...(authorization.token === undefined ? {} : {token: {text: authorization.token, account}}),
      users: (authorization.users ?? []).map(({permissions, ...user}) => ({
        ...user,
        account,
        ...(permissions === undefined ? {} : {permissions: toPermissions(permissions)}),
      })),
    }),
  };
}

export function startBroker(settings: ServerSettings): Promise<TestBroker> {
  return startTestBroker(brokerOptions(settings));
}

function seconds(text: string): number {
  return Number(text.replace('s', '')) * 1000;
}

export function toPermissions(permissions: ServerPermissions): Permissions {
  return {
    ...(permissions.publish === undefined ? {} : {publish: toRules(permissions.publish)}),
    ...(permissions.subscribe === undefined ? {} : {subscribe: toRules(permissions.subscribe)}),
    ...(permissions.allow_responses === undefined
      ? {}
      : {
          allowResponses: {
            max: permissions.allow_responses.max,
            expiresMs: seconds(permissions.allow_responses.expires),
          },
        }),
  };
}

function toRules(subjects: Subjects): {allow?: readonly string[]; deny?: readonly string[]} {
  const list = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);
  if (typeof subjects === 'string') return {allow: [subjects]};
  if (Array.isArray(subjects)) return {allow: subjects as readonly string[]};
  const rules = subjects as {readonly allow?: string | readonly string[]; readonly deny?: string | readonly string[]};
  return {
    ...(rules.allow === undefined ? {} : {allow: list(rules.allow)}),
    ...(rules.deny === undefined ? {} : {deny: list(rules.deny)}),
  };
}

/** Judges a few at a time: most of a case is waiting. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  judge: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[0]] = await judge(next[1]);
  };
  await Promise.all(Array.from({length: 16}, worker));
  return results;
}
