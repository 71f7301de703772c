import {describe, expect, test} from 'vitest';
import {connect} from '@nats-io/transport-node';
import {startTestBroker} from '../../../test/support/broker.ts';
import {SubjectMappings} from './mapping.ts';

describe('subject mappings', () => {
  test.each([
    ['map.in.*', 'map.out.$1', 'map.in.x', 'map.out.x'],
    ['a.*.*', 'b.{{wildcard(2)}}.{{ wildcard(1) }}', 'a.1.2', 'b.2.1'],
    ['a.>', 'b.>', 'a.1.2.3', 'b.1.2.3'],
    ['a.*.>', 'b.$1.>', 'a.1.2.3', 'b.1.2.3'],
    ['old', 'new.place', 'old', 'new.place'],
    ['map.in.*', 'map.out.$1', 'map.in.x.y', undefined],
    ['map.in.*', 'map.out.$1', 'map.in', undefined],
    // FNV-1a of "a" is 3826002220.
    ['part.*', 'part.{{partition(10,1)}}.$1', 'part.a', 'part.0.a'],
  ])('%s to %s sends %s to %s', (source, destination, subject, expected) => {
    expect(new SubjectMappings([{source, destination}]).target(subject)).toBe(expected);
  });

  test('the first that matches decides', () => {
    const mappings = new SubjectMappings([
      {source: 'a.b', destination: 'first'},
      {source: 'a.*', destination: 'second'},
    ]);
    expect([mappings.target('a.b'), mappings.target('a.c')]).toEqual(['first', 'second']);
  });

  test.each([
    ['a.*', 'b.$2', 'there is no number 2'],
    ['a.*', 'b.*', 'wildcard'],
    ['a', 'b.>', '">"'],
    ['a..b', 'c', 'no subject'],
    ['a', 'b..c', 'empty token'],
    ['a.*', '{{reverse(1)}}', 'not known'],
  ])('%s to %s is an error that says why', (source, destination, why) => {
    expect(() => new SubjectMappings([{source, destination}])).toThrow(why);
  });

  test('apply to what clients of the account publish, replies included', async () => {
    await using broker = await startTestBroker({
      mappings: [{account: '$G', source: 'question.*', destination: 'service.$1'}],
    });
    const client = await connect({servers: broker.url});
    client.subscribe('service.*', {callback: (_error, message) => void message.respond(message.subject)});
    const heard: string[] = [];
    client.subscribe('question.>', {callback: (_error, message) => void heard.push(message.subject)});
    const answer = await client.request('question.one', 'x', {timeout: 5000});
    expect(answer.string()).toBe('service.one');
    expect(heard).toEqual([]);
    await client.close();
  });
});
