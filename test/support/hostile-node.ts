/**
 * A node that is not what it says: it has a token of its own making, answers in the names of others, and takes whatever it is given.
 */
import {type Connection, openConnection} from '../../src/connect/index.ts';
import {createUnsignedProvider} from '../../src/crypto/index.ts';
import {encodeLifecycleEvent, type LifecycleEvent, lifecycleSubject} from '../../src/events/index.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {createReply, encodeReplyTransport, openRequest, openTransport, type Request} from '../../src/protocol/index.ts';

export interface HostileNode extends AsyncDisposable {
  /** How often it was sent a configuration of its own; what it hears of others is the broker's concern. */
  readonly configured: number;
  /** Actions that it was asked for. */
  readonly asked: readonly string[];
}

export interface HostileOptions {
  readonly platform: Platform;
  readonly url: string;
  readonly identity: string;
  /** Names in which it answers requests that are not for it. */
  readonly victims?: readonly string[];
  readonly token: string;
  /** Answers of its own to actions, in place of the plausible ones. */
  readonly answers?: Readonly<
    Record<string, (data: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>>
  >;
}

export async function hostileNode(options: HostileOptions): Promise<HostileNode> {
  const {platform, url, identity, victims = []} = options;
  const connection = await openConnection({
    platform,
    name: identity,
    servers: [url],
    inboxPrefix: `provisioning.reply.${identity}`,
  });
  const node = new Hostile(connection, options);
  connection.subscribe(`provisioning.node.${identity}`, ({payload}) => node.answer(payload, identity));
  connection.subscribe('provisioning.broadcast.agent.discovery', ({payload}) => {
    for (const name of [identity, ...victims]) node.answer(payload, name);
  });
  for (const victim of victims) {
    connection.subscribe(`provisioning.node.${victim}`, ({payload}) => node.answer(payload, identity, true));
  }
  await connection.flush({timeoutMs: 2_000});
  const event: LifecycleEvent = {
    type: 'startup',
    id: '0f0f0f0f-0000-4000-8000-000000000000',
    identity,
    component: 'provision_mode_server',
    atMs: platform.clock.nowMs(),
    version: '1.0.0',
  };
  connection.publish(lifecycleSubject(event), encodeLifecycleEvent(event, 'cloudevent'));
  return node;
}

class Hostile implements HostileNode {
  configured = 0;
  readonly asked: string[] = [];
  readonly #connection: Connection;
  readonly #options: HostileOptions;

  constructor(connection: Connection, options: HostileOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  answer(payload: Buffer, name: string, isOverheard = false): void {
    const {platform} = this.#options;
    const transport = openTransport(payload);
    const provider = createUnsignedProvider({certname: name});
    const {request} = openRequest(transport, {provider, nowMs: platform.clock.nowMs()});
    void this.#reply({transport, request, name, body: this.#body(request, isOverheard)});
  }

  #body(request: Request, isOverheard: boolean): string {
    const text = request.body.toString('utf8');
    if (request.agent === 'discovery') return 'pong';
    const {action, data} = JSON.parse(text) as {action: string; data: Record<string, unknown>};
    if (!isOverheard) this.asked.push(action);
    if (!isOverheard && action === 'configure') this.configured += 1;
    const usual: Readonly<Record<string, unknown>> = {
      jwt: {jwt: this.#options.token, ecdh_public: 'aa'.repeat(32)},
      inventory: {agents: [], facts: {}, version: '1.0.0', upgradable: true},
    };
    const answer = this.#options.answers?.[action]?.(data) ?? usual[action] ?? {message: 'done'};
    return JSON.stringify({action, statuscode: 0, statusmsg: 'OK', data: answer});
  }

  async #reply(parts: {
    readonly transport: ReturnType<typeof openTransport>;
    readonly request: Request;
    readonly name: string;
    readonly body: string;
  }): Promise<void> {
    const {transport, request, name, body} = parts;
    if (transport.replyTo === undefined || this.#connection.state !== 'connected') return;
    const nowMs = this.#options.platform.clock.nowMs();
    const payload = await createReply(request, {senderId: name, body: Buffer.from(body), nowMs});
    this.#connection.publish(
      transport.replyTo,
      encodeReplyTransport(transport, {payload, senderId: name, connectedServer: 'nats://x:4222'}),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}
