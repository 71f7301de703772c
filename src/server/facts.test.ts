import {describe, expect, test} from 'vitest';
import {FakeFiles, systemError} from '../../test/support/fake-files.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {createClassSource} from './classes.ts';
import {createFactSource, factPaths} from './facts.ts';

describe('facts', () => {
  test('a change is seen by the next request, and a problem is logged once', async () => {
    const files = new FakeFiles({'/f.json': '{"b":1,"a":{"y":1,"x":2}}'});
    const logger = createRecordingLogger();
    const source = createFactSource({files, paths: ['/f.json', '/nope.yaml'], logger});
    expect((await source.json()).toString()).toBe('{"a":{"x":2,"y":1},"b":1}');
    await source.json();
    expect(logger.lines.map(({message}) => message)).toEqual(['Fact file /nope.yaml does not exist']);
    await files.writeAtomic('/f.json', '{"b":2,"a":{"y":1,"x":2}}', {mode: 0o644});
    expect((await source.json()).toString()).toBe('{"a":{"x":2,"y":1},"b":2}');
  });

  test('keys of the host stay keys', async () => {
    const files = new FakeFiles({'/f.json': '{"__proto__":{"polluted":1},"a":1}'});
    const source = createFactSource({files, paths: ['/f.json'], logger: createRecordingLogger()});
    expect((await source.json()).toString()).toBe('{"__proto__":{"polluted":1},"a":1}');
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test('a file that cannot be read, or nests too deep, is skipped with an error', async () => {
    const files = new FakeFiles({
      '/deep.json': `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
      '/secret.json': '{"a":1}',
    });
    files.fault = (_operation, path) => (path === '/secret.json' ? systemError('EACCES', path) : undefined);
    const source = createFactSource({files, paths: ['/deep.json', '/secret.json'], logger: createRecordingLogger()});
    const loaded = await source.load();
    expect(loaded.json.toString()).toBe('{}');
    expect(loaded.problems.map(({level}) => level)).toEqual(['error', 'error']);
    expect(loaded.error).toBe('no facts were found in /deep.json:/secret.json');
  });

  test('paths divide as the system divides them', () => {
    expect(factPaths('/a.yaml:/b.json', 'linux')).toEqual(['/a.yaml', '/b.json']);
    expect(factPaths('C:\\a.yaml;D:\\b.json', 'win32')).toEqual(['C:\\a.yaml', 'D:\\b.json']);
  });
});

describe('classes', () => {
  test('lines are sorted and keep their blanks', async () => {
    const files = new FakeFiles({'/c': 'b\r\n a\n\nB\n'});
    expect(await createClassSource({files, path: '/c'}).list()).toEqual(['', ' a', 'B', 'b']);
  });

  test('a missing file means no classes', async () => {
    expect(await createClassSource({files: new FakeFiles(), path: '/c'}).list()).toEqual([]);
  });
});
