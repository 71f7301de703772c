import {describe, expect, test} from 'vitest';
import type {LifecycleEvent} from '../../events/index.ts';
import {eventText} from './tool-event-run.ts';

const base = {id: '1', identity: 'n1.example.net', component: 'server', atMs: 0};

describe('lifecycle events in words', () => {
  const governor = {...base, type: 'governor', governor: 'cron'} as const;
  const cases: readonly (readonly [LifecycleEvent, string])[] = [
    [{...base, type: 'startup', version: '1.0.0'}, '[startup] n1.example.net: server version 1.0.0'],
    [{...base, type: 'alive', version: '1.0.0'}, '[alive] n1.example.net: server version 1.0.0'],
    [{...base, type: 'shutdown'}, '[shutdown] n1.example.net: server'],
    [{...base, type: 'provisioned'}, '[provisioned] n1.example.net: server'],
    [
      {...base, type: 'upgraded', version: '1.0.0', newVersion: '1.1.0'},
      '[upgraded] n1.example.net: server version 1.0.0 to 1.1.0',
    ],
    [{...governor, sequence: 3, eventType: 'enter'}, '[governor] n1.example.net: obtained slot 3 on cron'],
    [{...governor, sequence: 0, eventType: 'enter'}, '[governor] n1.example.net: obtained slot on cron'],
    [{...governor, sequence: 3, eventType: 'exit'}, '[governor] n1.example.net: vacated slot 3 on cron'],
    [{...governor, sequence: 0, eventType: 'timeouts'}, '[governor] n1.example.net: failed to obtain a slot on cron'],
    [{...governor, sequence: 3, eventType: 'eviction'}, '[governor] n1.example.net: evicted from slot 3 on cron'],
  ];
  test.each(cases)('%j', (event, text) => {
    expect(eventText(event)).toBe(text);
  });
});
