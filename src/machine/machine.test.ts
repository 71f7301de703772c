/** Lists of plugins: read, edited, packed, signed, checked and matched. */
import {createPublicKey, createPrivateKey, sign} from 'node:crypto';
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {
  isSpecificationSignedBy,
  type ManagedPlugin,
  MachineError,
  matchesNode,
  packManifest,
  parseManifest,
  parseSpecification,
  putPlugin,
  renderManifest,
  splitCredentials,
} from './index.ts';
import type {FileInfo} from '../lib/platform.ts';
import {manifestBytesMax, manifestPluginsMax} from './limits.ts';

const checksum = 'a'.repeat(64);
const plugin = (name: string, extra: Partial<ManagedPlugin> = {}): ManagedPlugin => ({
  name,
  source: `https://example.net/${name}.tgz`,
  verify_checksum: checksum,
  checksum,
  ...extra,
});
const read = (value: unknown): readonly ManagedPlugin[] =>
  parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), 'plugins.json');

describe('a list of plugins', () => {
  test.each([
    ['no JSON', '[{', 'unexpected end of JSON'],
    ['no list', {}, 'expected a JSON list'],
    ['null', null, 'expected a JSON list'],
    ['text for an entry', ['x'], 'plugin 1: expected a JSON object'],
    ['a list for an entry', [[]], 'plugin 1: expected a JSON object'],
    ['no name', [plugin('')], '"name" is missing'],
    ['a number for a name', [{...plugin('x'), name: 1}], '"name" is not text'],
    ['no source', [{...plugin('x'), source: undefined}], '"source" is missing'],
    ['no checksum', [{...plugin('x'), checksum: ''}], '"checksum" is missing'],
    ['a list for a match', [{...plugin('x'), match: []}], '"match" is not text'],
    ['an entry behind a good one', [plugin('x'), {}], 'plugin 2: "name" is missing'],
    ['too many', Array.from({length: manifestPluginsMax + 1}, () => 0), `at most ${manifestPluginsMax}`],
    ['too much', ' '.repeat(manifestBytesMax + 1), 'expected at most'],
  ])('is refused with the place: %s', (_title, value, reason) => {
    expect(() => read(value)).toThrow(MachineError);
    expect(() => read(value)).toThrow('plugins.json');
    expect(() => read(value)).toThrow(reason);
  });

  test.each(['../x', '..', '.', '.x', '-x', 'a/b', 'a\\b', 'a\0', 'a b', 'a\nb', 'ä', '', 'x'.repeat(129), 'C:x'])(
    'takes no name that could lead out of its folder: %j',
    (name) => {
      expect(() => putPlugin([], plugin(name))).toThrow(MachineError);
      expect(() => read([plugin(name)])).toThrow(MachineError);
    },
  );

  test('takes names as other programs made them', () => {
    for (const name of ['metrics', 'x.tgz', 'check_disk-2', '9lives', '_x']) {
      expect(read([plugin(name)])[0]?.name).toBe(name);
    }
  });

  test('members of the prototype are not entries of the list', () => {
    expect(() => read('[{"__proto__":{"name":"x","source":"s","checksum":"c","verify_checksum":"v"}}]')).toThrow(
      '"name" is missing',
    );
  });

  test('keeps what an update does not say', () => {
    const before = [plugin('a'), plugin('b', {username: 'u', password: 'p', match: 'true', governor: 'g'})];
    const {plugins, isNew} = putPlugin(before, plugin('b', {source: 'https://example.net/2.tgz'}));
    expect(isNew).toBe(false);
    expect(plugins).toEqual([before[0], {...before[1], source: 'https://example.net/2.tgz'}]);
    expect(putPlugin(before, plugin('c'))).toEqual({plugins: [...before, plugin('c')], isNew: true});
  });

  test('whatever is written is read back', () => {
    const text = fc.string({minLength: 1});
    const entry = fc.record(
      {
        name: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
        source: text,
        verify_checksum: text,
        checksum: text,
        username: text,
        password: text,
        match: text,
        governor: text,
      },
      {requiredKeys: ['name', 'source', 'verify_checksum', 'checksum']},
    );
    fc.assert(
      fc.property(fc.array(entry, {maxLength: 4}), (plugins) => {
        expect(parseManifest(Buffer.from(renderManifest(plugins)), 'x')).toEqual(plugins);
      }),
    );
  });
});

describe('the address of a plugin', () => {
  test.each([
    ['https://user:pass@example.net/a.tgz', {source: 'https://example.net/a.tgz', username: 'user', password: 'pass'}],
    ['https://user@example.net/a', {source: 'https://example.net/a', username: 'user'}],
    ['http://u:a%40b%3A@h:8080/x?y#z', {source: 'http://h:8080/x?y#z', username: 'u', password: 'a@b:'}],
    ['https://u:100%@h/x', {source: 'https://h/x', username: 'u', password: '100%'}],
    ['https://h/a@b', {source: 'https://h/a@b'}],
    ['HTTPS://h/{{ lookup "facts.os" "x" }}.tgz', {source: 'HTTPS://h/{{ lookup "facts.os" "x" }}.tgz'}],
  ])('%s', (url, expected) => {
    expect(splitCredentials(url)).toEqual(expected);
  });

  test.each(['', 'x', 'file:///etc/passwd', 'ftp://h/x', 'https://', 'https:///x', 'https://secret:word@'])(
    'is refused without showing it: %j',
    (url) => {
      expect(() => splitCredentials(url)).toThrow('expected https://HOST/PATH');
      expect(() => splitCredentials(url)).not.toThrow('secret');
    },
  );
});

describe('a packed list', () => {
  const seed = Buffer.alloc(32, 7);
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(key).export({format: 'der', type: 'spki'}).subarray(-32);
  const manifest = Buffer.from('[\n]\n');

  test('is the bytes of the list, signed over their base64', () => {
    const packed = packManifest(manifest, seed);
    expect(packed.plugins).toBe('WwpdCg==');
    expect(packed.signature).toBe(sign(null, Buffer.from('WwpdCg=='), key).toString('hex'));
    expect(packManifest(manifest)).toEqual({plugins: 'WwpdCg=='});
    expect(isSpecificationSignedBy(packed, publicKey)).toBe(true);
  });

  test.each([
    ['another list', {plugins: 'W10='}],
    ['no list', {plugins: ''}],
    ['the same list with other base64', {plugins: 'WwpdCg'}],
    ['no signature', {signature: undefined}],
    ['half a signature', {signature: '00'.repeat(32)}],
    ['a signature of nothing', {signature: '00'.repeat(64)}],
    ['an odd digit', {signature: `${'00'.repeat(63)}0`}],
  ])('is not signed with %s', (_title, change) => {
    const packed = {...packManifest(manifest, seed), ...change};
    const {signature, ...rest} = packed;
    expect(isSpecificationSignedBy(signature === undefined ? rest : {...rest, signature}, publicKey)).toBe(false);
  });

  test('is not signed by another key', () => {
    expect(isSpecificationSignedBy(packManifest(manifest, seed), Buffer.alloc(32, 1))).toBe(false);
    expect(() => isSpecificationSignedBy({plugins: 'x', signature: 'zz'}, publicKey)).toThrow('found "z"');
  });

  test.each([
    ['[]', 'expected a JSON object'],
    ['"x"', 'expected a JSON object'],
    ['{', 'unexpected end of JSON'],
    ['{"plugins":1}', 'have to be text'],
    ['{"plugins":"x","signature":{}}', 'have to be text'],
  ])('is refused when it is %s', (text, reason) => {
    expect(() => parseSpecification(Buffer.from(text), 'signed.json')).toThrow(/signed\.json/);
    expect(() => parseSpecification(Buffer.from(text), 'signed.json')).toThrow(reason);
  });

  test('of two members of one name the last one is both checked and used', () => {
    const {plugins, signature} = packManifest(manifest, seed);
    const text = `{"plugins":"${plugins}","plugins":"W10=","signature":"${signature}"}`;
    expect(isSpecificationSignedBy(parseSpecification(Buffer.from(text), 'x'), publicKey)).toBe(false);
  });
});

describe('a matcher', () => {
  const problems: string[] = [];
  const kinds: Readonly<Record<string, Pick<FileInfo, 'kind' | 'mode'>>> = {
    '/bin/tool': {kind: 'file', mode: 0o755},
    '/etc/x': {kind: 'file', mode: 0o644},
    '/etc': {kind: 'directory', mode: 0o755},
    '/bin/folder': {kind: 'directory', mode: 0o755},
  };
  const stat = async (path: string): Promise<Pick<FileInfo, 'kind' | 'mode'>> => {
    const found = kinds[path];
    if (found === undefined) throw Object.assign(new Error('none'), {code: 'ENOENT'});
    return found;
  };
  const node = {
    identity: 'web1.example.net',
    factsJson: '{"os":{"name":"Debian"},"n":5,"odd.key":1,"list":["a"]}',
    platform: {files: {stat}, env: {PATH: '/etc:/bin:relative'}},
    onProblem: (message: string) => problems.push(message),
  } as unknown as Parameters<typeof matchesNode>[1];

  test.each([
    ['', true],
    [' \n', true],
    ['identity("^web")', true],
    ['identity("^db")', false],
    ['get_fact("os.name") == "Debian"', true],
    ['get_fact("nothing")', false],
    ['get_fact("nothing") == nil', true],
    ['has_file("/etc/x") and not has_file("/etc/y")', true],
    ['has_file("/etc")', true],
    ['has_directory("/etc")', true],
    ['has_directory("/etc/x")', false],
    ['has_command("tool")', true],
    ['has_command("x")', false],
    ['has_command("folder")', false],
    ['has_command("/bin/tool")', true],
    ['any(get_fact("list"), # == "a")', true],
    ['let n = get_fact("n"); n > 4', true],
  ])('%s gives %s', async (expression, expected) => {
    expect(await matchesNode(expression, node)).toBe(expected);
  });

  test.each([
    ['1', 'expected true or false'],
    ['identity(', ' | identity(\n | .........^'],
    ['true &&\nnope("x")', 'unknown name nope (2:1)\n | nope("x")\n | ^'],
    ['os', 'unknown name os'],
    ['identity(1)', 'an argument has to be string'],
    ['get_fact("n")', 'expected true or false'],
    ['constructor', 'unknown name constructor'],
    ['1..100000000 == []', 'too many steps'],
  ])('%s is refused with its place', async (expression, reason) => {
    await expect(matchesNode(expression, node)).rejects.toThrow(MachineError);
    await expect(matchesNode(expression, node)).rejects.toThrow(reason);
  });

  test('a pattern that cannot be used matches nothing, and is told', async () => {
    problems.length = 0;
    expect(await matchesNode('identity("(")', node)).toBe(false);
    expect(problems).toEqual([expect.stringContaining('Could not process identity match: (')]);
  });
});
