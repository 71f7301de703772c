import {describe, expect, test} from 'vitest';
import {EventError} from './errors.ts';
import {encodeLifecycleEvent, type LifecycleEvent, lifecycleSubject, parseLifecycleEvent} from './lifecycle.ts';

const base = {
  id: 'd699fee6-d0c4-4b8e-a356-16d37da24f61',
  identity: 'n1.example.net',
  component: 'server',
  atMs: 1795232270_900,
};

describe('lifecycle events', () => {
  test('a startup event has the keys of the reference in their order', () => {
    expect(encodeLifecycleEvent({...base, type: 'startup', version: '0.29.4'}, 'cloudevent').toString()).toBe(
      '{"specversion":"1.0","id":"d699fee6-d0c4-4b8e-a356-16d37da24f61","source":"io.choria.lifecycle",' +
        '"type":"io.choria.lifecycle.v1.startup","subject":"n1.example.net","datacontenttype":"application/json",' +
        '"time":"2026-11-21T03:37:50Z","data":{"protocol":"io.choria.lifecycle.v1.startup",' +
        '"id":"d699fee6-d0c4-4b8e-a356-16d37da24f61","identity":"n1.example.net","component":"server",' +
        '"timestamp":1795232270,"version":"0.29.4"}}',
    );
  });

  test.each<LifecycleEvent>([
    {...base, atMs: 1795232270_000, type: 'alive', version: '1'},
    {...base, atMs: 1795232270_000, type: 'shutdown'},
    {...base, atMs: 1795232270_000, type: 'upgraded', version: '1', newVersion: '2'},
    {...base, atMs: 1795232270_000, type: 'governor', governor: 'G', sequence: 3, eventType: 'enter'},
  ])('$type survives a round trip in both forms', (event) => {
    for (const format of ['cloudevent', 'legacy'] as const) {
      expect(parseLifecycleEvent(encodeLifecycleEvent(event, format))).toEqual({event, format});
    }
    expect(lifecycleSubject(event)).toBe(`choria.lifecycle.event.${event.type}.server`);
  });

  test('the older protocol name is understood', () => {
    const raw = '{"protocol":"choria:lifecycle:shutdown:1","id":"x","identity":"n","component":"server","timestamp":5}';
    expect(parseLifecycleEvent(Buffer.from(raw)).event).toEqual({
      type: 'shutdown',
      id: 'x',
      identity: 'n',
      component: 'server',
      atMs: 5000,
    });
  });

  test('an event without a component is refused', () => {
    expect(() => encodeLifecycleEvent({...base, component: '', type: 'shutdown'}, 'legacy')).toThrow(EventError);
  });

  test.each(['', 'null', '[]', '{}', '{"protocol":"io.choria.lifecycle.v1.dance"}', '{"specversion":"1.0"}'])(
    'what is not an event is refused: %s',
    (raw) => {
      expect(() => parseLifecycleEvent(Buffer.from(raw))).toThrow(EventError);
    },
  );
});
