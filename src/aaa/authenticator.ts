/** Who somebody is: a list of users, a program, or a web login, behind one interface. */
import {posix} from 'node:path';
import {errorMessage} from '../lib/errors.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import type {Platform} from '../lib/platform.ts';
import {decodeToken} from '../crypto/index.ts';
import {AaaError} from './errors.ts';
import {aaaLimits} from './limits.ts';
import {isPasswordOf, nobodysHash} from './passwords.ts';
import {type AaaUser, type AuthenticatorSettings, parseUsers} from './settings.ts';

export interface Authenticator {
  readonly name: string;
  /**
   * @returns the user, or undefined when name or password are wrong
   * @throws {AaaError} when that cannot be told
   */
  authenticate(login: {readonly username: string; readonly password: string}): Promise<AaaUser | undefined>;
}

type Parts = Pick<Platform, 'files' | 'processes' | 'env' | 'http'>;

export function createAuthenticator(settings: AuthenticatorSettings, platform: Parts): Authenticator {
  switch (settings.kind) {
    case 'userlist':
      return new UserList(settings, platform);
    case 'program':
      return {name: 'program', authenticate: (login) => askProgram(settings.command, {login, platform})};
    case 'web':
      return {name: 'web', authenticate: (login) => askWeb(settings, {login, platform})};
  }
}

class UserList implements Authenticator {
  readonly name = 'userlist';
  private readonly settings: Extract<AuthenticatorSettings, {kind: 'userlist'}>;
  private readonly files: Parts['files'];
  private known:
    | {readonly modifiedAtMs: number; readonly sizeBytes: number; readonly users: readonly AaaUser[]}
    | undefined;

  constructor(settings: Extract<AuthenticatorSettings, {kind: 'userlist'}>, {files}: Parts) {
    this.settings = settings;
    this.files = files;
  }

  async authenticate({
    username,
    password,
  }: {
    readonly username: string;
    readonly password: string;
  }): Promise<AaaUser | undefined> {
    const users = await this.users();
    const user = users.find(({name}) => name === username);
    // Whoever is not known is compared with somebody who is, so that both take as long.
    const known = user ?? users.find(({passwordHash}) => passwordHash !== '');
    const isRight = await isPasswordOf(known?.passwordHash || nobodysHash, password);
    if (user === undefined || user.passwordHash === '' || !isRight) return undefined;
    if (user.policyFile === undefined) return user;
    const base = this.settings.usersFile === undefined ? '/' : posix.dirname(this.settings.usersFile);
    const policy = await this.files.read(posix.resolve(base, user.policyFile), {limitBytes: aaaLimits.configBytesMax});
    return {...user, policy: policy.toString('utf8')};
  }

  /** The file is read again when it changed; a change that cannot be read refuses logins rather than letting the old ones in. */
  private async users(): Promise<readonly AaaUser[]> {
    const {users, usersFile} = this.settings;
    if (usersFile === undefined) return users;
    const {modifiedAtMs, sizeBytes} = await this.files.stat(usersFile);
    if (this.known === undefined || this.known.modifiedAtMs !== modifiedAtMs || this.known.sizeBytes !== sizeBytes) {
      const text = await this.files.read(usersFile, {limitBytes: aaaLimits.configBytesMax});
      this.known = {modifiedAtMs, sizeBytes, users: parseUsers(text, usersFile)};
    }
    return [...users, ...this.known.users];
  }
}

interface Asked {
  readonly login: {readonly username: string; readonly password: string};
  readonly platform: Parts;
}

/** The program gets `{"username","password"}` on its input and answers with one user as JSON; any other end than 0 is a no. */
async function askProgram(command: string, {login, platform}: Asked): Promise<AaaUser | undefined> {
  let result: Awaited<ReturnType<Platform['processes']['run']>>;
  try {
    result = await platform.processes.run({
      command,
      args: [],
      cwd: '/',
      env: {PATH: platform.env['PATH'] ?? ''},
      input: Buffer.from(JSON.stringify(login), 'utf8'),
      timeoutMs: aaaLimits.authenticatorMs,
      outputBytesMax: aaaLimits.authenticatorOutputBytesMax,
    });
  } catch (cause) {
    throw new AaaError('ERR_AAA_AUTHENTICATOR', `Cannot run "${command}": ${errorMessage(cause)}`, {cause});
  }
  if (result.timedOut || result.droppedBytes > 0) {
    throw new AaaError(
      'ERR_AAA_AUTHENTICATOR',
      `Cannot use the answer of "${command}": it took too long or said too much`,
    );
  }
  if (result.exitCode !== 0) return undefined;
  const [user] = parseUsers(Buffer.concat([Buffer.from('['), result.stdout, Buffer.from(']')]), command);
  if (user?.name !== login.username) {
    throw new AaaError('ERR_AAA_AUTHENTICATOR', `Cannot use the answer of "${command}": it is about another user`);
  }
  return user;
}

/**
 * A web login as OpenID Connect providers offer it: name and password go to the token address, and the user is in the ID token that
 * comes back on the same verified connection: `groups` become the property of that name, `choria_acls` the agents.
 */
async function askWeb(
  settings: Extract<AuthenticatorSettings, {kind: 'web'}>,
  {login, platform}: Asked,
): Promise<AaaUser | undefined> {
  const {files, http} = platform;
  const read = async (path: string): Promise<string> =>
    (await files.read(path, {limitBytes: aaaLimits.configBytesMax})).toString('utf8');
  const secret = settings.clientSecretFile === undefined ? undefined : (await read(settings.clientSecretFile)).trim();
  const form = new URLSearchParams({
    grant_type: 'password',
    scope: 'openid profile',
    client_id: settings.clientId,
    ...(secret === undefined ? {} : {client_secret: secret}),
    ...login,
  });
  if (!settings.url.startsWith('https://')) {
    throw new AaaError('ERR_AAA_AUTHENTICATOR', `Cannot log in at "${settings.url}": expected an https address`);
  }
  const {status, body} = await http.request({
    url: settings.url,
    method: 'POST',
    headers: {'content-type': 'application/x-www-form-urlencoded', accept: 'application/json'},
    body: form.toString(),
    tls: {material: settings.ca === undefined ? {} : {caPem: await read(settings.ca)}},
    timeoutMs: aaaLimits.authenticatorMs,
    responseBytesMax: aaaLimits.authenticatorOutputBytesMax,
  });
  if (status === 400 || status === 401 || status === 403) return undefined;
  if (status !== 200)
    throw new AaaError('ERR_AAA_AUTHENTICATOR', `Cannot log in at "${settings.url}": it answered ${status}`);
  return userOfIdToken(parseJson(body), {url: settings.url, username: login.username});
}

function userOfIdToken(answer: unknown, asked: {readonly url: string; readonly username: string}): AaaUser {
  const text = isJsonObject(answer) ? jsonField(answer, 'id_token') : undefined;
  if (typeof text !== 'string')
    throw new AaaError('ERR_AAA_AUTHENTICATOR', `Cannot log in at "${asked.url}": it gave no ID token`);
  const {claims} = decodeToken(text);
  const texts = (name: string): readonly string[] => {
    const value = claims[name];
    return Array.isArray(value) ? (value as readonly unknown[]).filter((item) => typeof item === 'string') : [];
  };
  const groups = texts('groups');
  // Many take a name in any spelling; policies know one.
  const own = claims['preferred_username'];
  if (typeof own === 'string' && own !== asked.username) {
    throw new AaaError(
      'ERR_AAA_AUTHENTICATOR',
      `Cannot log in at "${asked.url}": it knows ${JSON.stringify(asked.username)} as ${JSON.stringify(own.slice(0, 128))}, expected a login by that name`,
    );
  }
  return {
    name: asked.username,
    passwordHash: '',
    organization: 'choria',
    acls: texts('choria_acls'),
    ...(groups.length === 0 ? {} : {properties: {groups: groups.join(',')}}),
    permissions: {fleet_management: true, signed_fleet_management: true},
  };
}
