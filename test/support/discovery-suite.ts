/**
 * What every discovery method does, whatever it asks: one suite, run by each method's own tests.
 *
 * A method brings a source that it can fill with names, break, and slow down; what it cannot do is said with a reason.
 */
import {expect, test} from 'vitest';
import type {DiscoveryMethod, DiscoveryRequest} from '../../src/discovery/index.ts';
import {emptyFilter} from '../../src/protocol/index.ts';
import type {Filter} from '../../src/protocol/types.ts';

export interface DiscoverySource {
  /** The method over a source with these names, in this order; they may repeat. */
  readonly holding: (names: readonly string[]) => DiscoveryMethod;
  /** Sources that are there and cannot be used, or are not there: what is wrong, and the method over it. */
  readonly broken: Readonly<Record<string, () => DiscoveryMethod>>;
  /** Options that each request needs. */
  readonly options?: Readonly<Record<string, string>>;
  /** Filters that this method cannot honour. */
  readonly refuses: readonly (keyof Filter)[];
  /** Whether the source is all there is to know, so that an answer is complete. */
  readonly isComplete: boolean;
  /** Where names are checked when the method itself does not: elsewhere, and why. */
  readonly namesAreChecked?: string;
  /** A method that does not end by itself, and what tells that it was ended. */
  readonly endless?: {readonly method: () => DiscoveryMethod; readonly ends: 'with what was found' | 'with an error'};
}

export function discoveryRequest(change: Partial<DiscoveryRequest> = {}): DiscoveryRequest {
  return {
    filter: emptyFilter,
    collective: 'mcollective',
    timeoutMs: 2_000,
    slidingWindow: false,
    federations: [],
    options: {},
    signal: new AbortController().signal,
    ...change,
  };
}

const filters: Readonly<Record<keyof Filter, Filter>> = {
  facts: {...emptyFilter, facts: [{fact: 'country', operator: '==', value: 'mt'}]},
  classes: {...emptyFilter, classes: ['apache']},
  agents: {...emptyFilter, agents: ['rpcutil']},
  identities: {...emptyFilter, identities: ['/n1/']},
  compounds: {...emptyFilter, compounds: [[{expr: 'true'}]]},
};

export function describeDiscoveryMethod(source: DiscoverySource): void {
  const request = (change: Partial<DiscoveryRequest> = {}): DiscoveryRequest =>
    discoveryRequest({...change, options: {...source.options, ...change.options}});

  test('it finds every node, in the order of its source', async () => {
    const names = ['n3.example.net', 'n1', 'constructor', 'n2.example.net'];
    const found = await source.holding(names).discover(request());
    expect(found.identities).toEqual(names);
    expect(found.complete).toBe(source.isComplete);
  });

  test('a node that is there twice is found once, where it was first', async () => {
    const found = await source.holding(['b', 'a', 'b', 'a', 'c']).discover(request());
    expect(found.identities).toEqual(['b', 'a', 'c']);
  });

  test('an empty source is an answer, not a failure', async () => {
    const found = await source.holding([]).discover(request());
    expect(found.identities).toEqual([]);
  });

  test('ten thousand nodes are found', async () => {
    const names = Array.from({length: 10_000}, (_unused, index) => `n${index}.example.net`);
    expect((await source.holding(names).discover(request())).identities).toEqual(names);
  });

  test.each(
    source.namesAreChecked !== undefined
      ? []
      : ['a b', 'n1\n', 'n*', '>', '', '-n', 'n-', 'n..x', '\u001b[31mn', '__proto__', 'x'.repeat(600)],
  )('a name that no node can have never becomes a target (%j)', async (name) => {
    const finding = source.holding(['n1', name, 'n2']).discover(request());
    await expect(finding).rejects.toMatchObject({code: expect.stringMatching(/^ERR_DISCOVERY_/) as string});
  });

  test.each(Object.entries(source.broken))('%s is an error, never an empty answer', async (_what, method) => {
    await expect(method().discover(request())).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_/) as string,
    });
  });

  test.each(source.refuses.map((kind) => [kind] as const))(
    'a filter by %s cannot be honoured and is refused, so that it never means everybody',
    async (kind) => {
      const finding = source.holding(['n1']).discover(request({filter: filters[kind]}));
      await expect(finding).rejects.toMatchObject({code: 'ERR_DISCOVERY_FILTER'});
    },
  );

  test('two at once do not disturb each other', async () => {
    const found = await Promise.all([
      source.holding(['a1', 'a2']).discover(request()),
      source.holding(['b1']).discover(request()),
    ]);
    expect(found.map(({identities}) => identities)).toEqual([['a1', 'a2'], ['b1']]);
  });

  const {endless} = source;
  if (endless === undefined) return;
  test(`whoever waits can end it: it ends ${endless.ends}`, async () => {
    const stop = new AbortController();
    const finding = endless.method().discover(request({signal: stop.signal}));
    const outcome = finding.then(
      () => 'with what was found',
      () => 'with an error',
    );
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));
    expect(await outcome).toBe(endless.ends);
  });
}
