import {describe, expect, expectTypeOf, test} from 'vitest';
import {silentLogger} from '../lib/logger.ts';
import {emptyFilter} from '../protocol/index.ts';
import {validateDdlDocument} from '../ddl/index.ts';
import {ActionFailure, agentDdlJson, defineAction, defineAgent} from './agent.ts';
import {createAgentRegistry} from './registry.ts';
import type {Agent, AgentCall, Authorizer, NodeContext} from './types.ts';

const metadata = {
  name: 'web',
  description: 'd',
  author: 'a',
  license: 'Apache-2.0',
  version: '1.0.0',
  url: 'https://example.net',
  timeoutSeconds: 5,
} as const;

const web = defineAgent({
  ...metadata,
  actions: {
    resize: defineAction({
      description: 'Sets how many workers run',
      inputs: {
        count: {type: 'integer', description: 'How many'},
        mode: {type: 'list', list: ['fast', 'slow'], description: 'How', optional: true},
      },
      outputs: {
        count: {type: 'integer', description: 'How many run'},
        note: {type: 'string', description: 'A remark', default: 'none'},
      },
      run: async (input) => {
        expectTypeOf(input.count).toEqualTypeOf<number>();
        expectTypeOf(input.mode).toEqualTypeOf<'fast' | 'slow' | undefined>();
        if (input.count > 100) throw new ActionFailure('Too many', {data: {max: 100}});
        if (input.count < 0) throw new RangeError('below zero');
        return {count: input.count};
      },
    }),
  },
});

const sentAtMs = Date.UTC(2026, 10, 21);

function node(settings: Readonly<Record<string, unknown>> = {}): NodeContext {
  // Only what the dispatcher reads.
  return {
    logger: silentLogger,
    config: {get: (key: string) => settings[key] ?? false},
    platform: {clock: {nowMs: () => sentAtMs}},
  } as unknown as NodeContext;
}

function call(body: unknown, extra: Partial<AgentCall> = {}): AgentCall {
  return {
    request: {
      version: 1,
      id: '0123456789abcdef0123456789abcdef',
      senderId: 'client',
      callerId: 'choria=alice.mcollective',
      collective: 'mcollective',
      agent: 'web',
      ttlSeconds: 60,
      sentAtMs,
      filter: emptyFilter,
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    },
    node: node(),
    signal: new AbortController().signal,
    ...extra,
  };
}

async function reply(agent: Agent, given: AgentCall): Promise<unknown> {
  const body = await agent.handle(given);
  return body && JSON.parse(body.toString('utf8'));
}

describe('an agent made by defineAgent', () => {
  test('runs its action and fills in defaults of outputs', async () => {
    expect(await reply(web, call({agent: 'web', action: 'resize', data: {count: 3}}))).toEqual({
      action: 'resize',
      statuscode: 0,
      statusmsg: 'OK',
      data: {count: 3, note: 'none'},
    });
  });

  test.each([
    [{}, "Validation failed: input 'count' is required"],
    [{count: 'x'}, "Validation failed: validation failed for input 'count': is not an integer"],
    [{count: 1, mode: 'odd'}, "Validation failed: validation failed for input 'mode': should be one of fast, slow"],
    [
      {count: 1, more: 1},
      "Validation failed: request contains an input 'more' that is not declared in the DDL. Valid inputs are: count, mode",
    ],
  ])('refuses the inputs %j', async (data, statusmsg) => {
    expect(await reply(web, call({agent: 'web', action: 'resize', data}))).toMatchObject({statuscode: 4, statusmsg});
  });

  test('answers a failure with its own code, text and data, and a bug with code 5', async () => {
    const failed = await reply(web, call({agent: 'web', action: 'resize', data: {count: 101}}));
    expect(failed).toEqual({action: 'resize', statuscode: 1, statusmsg: 'Too many', data: {max: 100}});
    const broken = await reply(web, call({agent: 'web', action: 'resize', data: {count: -1}}));
    expect(broken).toMatchObject({statuscode: 5, statusmsg: 'below zero'});
  });

  test('says so when the action is unknown or the body is no request', async () => {
    expect(await reply(web, call({agent: 'web', action: 'nope'}))).toMatchObject({
      statuscode: 2,
      statusmsg: 'Unknown action nope for agent web',
    });
    expect(await reply(web, call('[1]'))).toMatchObject({statuscode: 4, action: ''});
  });

  test('stays silent when its time is over', async () => {
    const stop = new AbortController();
    const stuck = defineAgent({
      ...metadata,
      actions: {wait: defineAction({description: 'd', run: () => new Promise<void>(() => stop.abort())})},
    });
    expect(await stuck.handle(call({agent: 'web', action: 'wait'}, {signal: stop.signal}))).toBeUndefined();
  });

  test('does not begin when its time was over before its rights were known', async () => {
    const stop = new AbortController();
    let runs = 0;
    const counter = defineAgent({
      ...metadata,
      actions: {add: defineAction({description: 'd', run: async () => void runs++})},
    });
    const slow: Authorizer = {
      name: 'slow',
      authorize: async () => {
        stop.abort();
        return {allowed: true, reason: 'all'};
      },
    };
    const given = {node: node({rpcauthorization: true}), authorizer: slow, signal: stop.signal};
    expect(await counter.handle(call({agent: 'web', action: 'add'}, given))).toBeUndefined();
    expect(runs).toBe(0);
  });

  test.each([
    [59_999, 0, 1],
    [60_000, 1, 0],
  ])(
    'begins while the request lives, by the clock at that moment: %i ms, also when the audit log was slow (found by seed 10247)',
    async (auditMs, statuscode, expected) => {
      let nowMs = sentAtMs;
      let runs = 0;
      const counter = defineAgent({
        ...metadata,
        actions: {add: defineAction({description: 'd', run: async () => void runs++})},
      });
      const auditor = {
        record: async () => {
          nowMs += auditMs;
        },
      };
      const audited = {...node({rpcaudit: true}), platform: {clock: {nowMs: () => nowMs}}} as unknown as NodeContext;
      expect(await reply(counter, call({agent: 'web', action: 'add'}, {node: audited, auditor}))).toMatchObject({
        statuscode,
      });
      expect(runs).toBe(expected);
    },
  );

  test('describes itself in a form that the schema accepts', () => {
    expect(validateDdlDocument(JSON.parse(agentDdlJson(web)))).toEqual([]);
  });

  test.each([
    [{name: 'Web'}, /lower case/],
    [{timeoutSeconds: 1}, /at least 2/],
  ])('is not made of %j', (change, message) => {
    expect(() => defineAgent({...metadata, actions: {}, ...change})).toThrow(message);
  });
});

describe('rights', () => {
  const on = node({rpcauthorization: true});
  const allowAll: Authorizer = {name: 'test', authorize: async () => ({allowed: true, reason: 'all'})};
  const broken: Authorizer = {name: 'test', authorize: () => Promise.reject(new Error('policy unreadable'))};
  const body = {agent: 'web', action: 'resize', data: {count: 1}};

  test.each([
    ['no authorizer could be made', call(body, {node: on})],
    ['the authorizer fails', call(body, {node: on, authorizer: broken})],
    ['the body names another agent', call({...body, agent: 'other'}, {node: on, authorizer: allowAll})],
  ])('are denied when %s', async (_why, given) => {
    expect(await reply(web, given)).toMatchObject({
      statuscode: 1,
      statusmsg: 'You are not authorized to call this agent or action',
      data: {},
    });
  });

  test('are asked after the action is known', async () => {
    expect(await reply(web, call({agent: 'web', action: 'nope'}, {node: on}))).toMatchObject({statuscode: 2});
    expect(await reply(web, call(body, {node: on, authorizer: allowAll}))).toMatchObject({statuscode: 0});
  });
});

describe('the registry', () => {
  test('tells listeners of agents that are there already, come and go', async () => {
    const registry = createAgentRegistry({logger: silentLogger});
    await registry.add(web, node());
    const seen: string[] = [];
    registry.listen({
      added: (agent) => seen.push(`+${agent.metadata.name}`),
      removed: (agent) => seen.push(`-${agent.metadata.name}`),
    });
    await registry.remove('web');
    expect(seen).toEqual(['+web', '-web']);
    expect(registry.names()).toEqual([]);
  });

  test('refuses a second agent of a name, and a replacement that changes what is subscribed', async () => {
    const registry = createAgentRegistry({logger: silentLogger});
    await registry.add(web, node());
    await expect(registry.add(web, node())).rejects.toMatchObject({code: 'ERR_AGENT_EXISTS'});
    const service = defineAgent({...metadata, service: true, actions: {}});
    await expect(registry.replace(service, node())).rejects.toMatchObject({code: 'ERR_AGENT_SERVICE_CHANGED'});
  });

  test('leaves out what is denied or does not want to run', async () => {
    const registry = createAgentRegistry({logger: silentLogger, denied: ['web']});
    expect(await registry.add(web, node())).toBe(false);
    const shy = defineAgent({
      ...metadata,
      name: 'shy',
      actions: {},
      shouldActivate: () => Promise.reject(new Error('no')),
    });
    expect(await registry.add(shy, node())).toBe(false);
    expect(registry.names()).toEqual([]);
  });
});
