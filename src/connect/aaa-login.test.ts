import {describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {verifyEd25519} from '../crypto/index.ts';
import type {HttpRequest} from '../lib/http.ts';
import {loginToAaa} from './aaa-login.ts';

async function login(answer: {readonly status: number; readonly body: string}) {
  const {platform} = createFakePlatform();
  const asked: HttpRequest[] = [];
  const http = {
    request: (request: HttpRequest) => {
      asked.push(request);
      return Promise.resolve({...answer, statusText: '', headers: new Map(), body: Buffer.from(answer.body)});
    },
  };
  await platform.files.makeDirectory('/home/bob', {mode: 0o700, recursive: true});
  const outcome = await loginToAaa({
    platform: {...platform, http},
    urls: ['https://aaa.example.net/choria/v1/login'],
    username: 'bob',
    password: 's3cret',
    tokenPath: '/home/bob/client.jwt',
    seedPath: '/home/bob/client.key',
    tls: {},
  }).catch((error: unknown) => error as Error);
  return {asked, outcome, files: platform.files};
}

describe('a login', () => {
  test('proves the password by a new key and keeps token and seed for the user alone', async () => {
    const {asked, outcome, files} = await login({status: 200, body: '{"token":"TOKEN.TOKEN.TOKEN"}'});
    expect(outcome).toBeUndefined();
    const body = JSON.parse(Buffer.from(asked[0]?.body ?? '').toString()) as Record<string, string>;
    const signature = Buffer.from(body['signature'] ?? '', 'hex');
    const message = Buffer.from(`${body['timestamp']}:bob:s3cret`);
    expect(verifyEd25519(Buffer.from(body['public_key'] ?? '', 'hex'), {message, signature})).toBe(true);
    expect((await files.read('/home/bob/client.jwt', {limitBytes: 100})).toString()).toBe('TOKEN.TOKEN.TOKEN');
    for (const path of ['/home/bob/client.jwt', '/home/bob/client.key']) {
      expect((await files.stat(path)).mode & 0o777).toBe(0o600);
    }
  });

  test.each([
    [200, '{"error":"Login failed"}', 'Login failed'],
    [200, '{}', 'no token received'],
    [500, 'broken', 'invalid response code 500: broken'],
    [200, 'broken', 'The login service https://aaa.example.net/choria/v1/login answered with something else than JSON'],
  ])('%d %s leaves earlier credentials alone and says so', async (status, body, message) => {
    const {outcome, files} = await login({status, body});
    expect(outcome).toMatchObject({code: 'ERR_LOGIN_FAILED', message});
    expect(JSON.stringify(outcome)).not.toContain('s3cret');
    await expect(files.stat('/home/bob/client.jwt')).rejects.toMatchObject({code: 'ENOENT'});
  });
});
