/**
 * Servers that show brokers a token and no certificate (`plugin.security.server_anon_tls`).
 *
 * In the reference the switch also stops servers from verifying requests, so that anybody who reaches the broker commands them. Here requests are verified as
 * ever, so the authority is still needed; and with it the broker's certificate is verified too.
 */
import type {Config} from '../config/types.ts';
import {
  cryptoLimits,
  delegateProvider,
  ed25519PublicFromSeed,
  parseSeed,
  readToken,
  signEd25519,
} from '../crypto/index.ts';
import type {BrokerToken, SecurityProvider} from '../crypto/types.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Files} from '../lib/platform.ts';
import {ConnectError} from './errors.ts';
import {isOn, textOf} from './settings.ts';

interface Credentials {
  readonly token: string;
  readonly seed: Buffer;
  readonly expiresAtMs: number | undefined;
}

/**
 * The provider as it is, or one that shows brokers the token of this server.
 *
 * @throws {ConnectError} `ERR_CONNECT_SETTING` when token or seed cannot be used, or are another server's
 */
export async function withServerToken(
  provider: SecurityProvider,
  config: Config,
  files: Files,
): Promise<SecurityProvider> {
  if (!isOn(config.get('plugin.security.server_anon_tls')) || provider.technology !== 'x509') return provider;
  const paths = {
    token: textOf(config.get('plugin.choria.security.server.token_file')),
    seed: textOf(config.get('plugin.choria.security.server.seed_file')),
  };
  const identity = textOf(config.get('identity'));
  const read = async (): Promise<Credentials> => check(await readBoth(files, paths), {paths, identity});
  let credentials = await read();
  const brokerToken: BrokerToken = {
    get token() {
      return credentials.token;
    },
    get expiresAtMs() {
      return credentials.expiresAtMs;
    },
    signNonce: async (nonce) => signEd25519(credentials.seed, nonce),
  };
  return delegateProvider(() => provider, {
    brokerToken,
    refresh: async () => {
      const before = credentials.token;
      credentials = await read();
      return before !== credentials.token;
    },
    // The certificate and key that this server does not have are not missing.
    validate: async () =>
      (await provider.validate()).filter((problem) => !/public certificate|private key/.test(problem)),
  });
}

interface Paths {
  readonly token: string;
  readonly seed: string;
}

async function readBoth(files: Files, paths: Paths): Promise<{readonly token: string; readonly seed: string}> {
  const read = async (what: 'token' | 'seed'): Promise<string> => {
    try {
      return (await files.read(paths[what], {limitBytes: cryptoLimits.credentialFileBytesMax})).toString('utf8').trim();
    } catch (cause) {
      throw refused(`Cannot read the ${what} of this server in "${paths[what]}": ${errorMessage(cause)}`, what);
    }
  };
  return {token: await read('token'), seed: await read('seed')};
}

function check(
  texts: {readonly token: string; readonly seed: string},
  {paths, identity}: {readonly paths: Paths; readonly identity: string},
): Credentials {
  const token = attempt(() => readToken(texts.token), {path: paths.token, what: 'token'});
  const seed = attempt(() => parseSeed(texts.seed), {path: paths.seed, what: 'seed'});
  if (token.purpose !== 'choria_server') {
    throw refused(
      `The token in "${paths.token}" is not a server token: its purpose is ${JSON.stringify(token.purpose)}`,
      'token',
    );
  }
  if (token.name !== identity) {
    throw refused(`identity ${identity} does not match caller ${token.name} in JWT token`, 'token');
  }
  if (token.publicKey !== undefined && !token.publicKey.equals(ed25519PublicFromSeed(seed))) {
    throw refused(`the seed ${paths.seed} does not belong to the token ${paths.token}`, 'seed');
  }
  return {token: texts.token, seed, expiresAtMs: token.expiresAtMs};
}

function attempt<Value>(
  work: () => Value,
  {path, what}: {readonly path: string; readonly what: 'token' | 'seed'},
): Value {
  try {
    return work();
  } catch (cause) {
    throw refused(`Cannot use the ${what} of this server in "${path}": ${errorMessage(cause)}`, what);
  }
}

function refused(message: string, what: 'token' | 'seed'): ConnectError {
  return new ConnectError('ERR_CONNECT_SETTING', message, {
    details: {setting: `plugin.choria.security.server.${what}_file`},
  });
}
