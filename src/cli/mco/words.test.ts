import {describe, expect, test} from 'vitest';
import type {CommandSpec} from '../types.ts';
import {mcoApplications} from './program.ts';
import {readClassicWords} from './words.ts';

function application(name: string): CommandSpec {
  const found = mcoApplications('classic').find(({command}) => command.name === name);
  if (found === undefined) throw new Error(`no application ${name}`);
  return found.command;
}

describe('words of the classic client', () => {
  test.each<[application: string, typed: string, meant: string, ignored?: string]>([
    ['ping', '--disc 1', '--disc'],
    ['ping', '--discovery 1 --verb', '--discovery-timeout 1 --verbose'],
    ['ping', '--with-f=a=b --with-c x', '--wf=a=b --wc x'],
    ['ping', '--publish-timeout 3', '--publish_timeout 3'],
    ['completion', '--list_agents', '--list-agents'],
    ['ping', '-T a -T b --target=c', '--target=c'],
    ['ping', '-v -v', '-v'],
    ['ping', '-C a -C b -Ca', '-C a -C b -Ca'],
    ['rpc', '--agent -x --action y', '--agent -x --action y'],
    ['rpc', 'rpcutil ping a=b c=d', 'rpcutil ping a=b c=d'],
    ['find', 'extra -T x', '-T x', 'extra'],
    ['facts', 'country extra', 'country', 'extra'],
    ['find', '-- -C x', '--', '-C x'],
    ['find', '--bogus x', '--bogus'],
    ['find', '-vq', '-vq'],
    ['find', '--', '--'],
    ['find', '-T', '-T'],
  ])('%s %s is %s', (name, typed, meant, ignored = '') => {
    const found = readClassicWords(application(name), typed.split(' '));
    expect(found.words.join(' ')).toBe(meant);
    expect(found.ignored.join(' ')).toBe(ignored);
  });
});
