/** The credentials of a connection and the CONNECT line they make. */
import {assert} from '../lib/errors.ts';
import {ConnectError} from './errors.ts';
import type {BrokerInfo} from './info.ts';
import type {ServerUrl} from './server-url.ts';

export interface ConnectAuth {
  readonly user?: string;
  readonly password?: string;
  /** A Choria token or a plain NATS token. */
  readonly token?: string;
  /** When the token ends; nothing is sent with one that has ended. */
  readonly expiresAtMs?: number | undefined;
  /** A public user nkey; `signNonce` signs with it. */
  readonly nkey?: string;
  /** Signs the broker's nonce with the key of the token or nkey; raw signature bytes. */
  readonly signNonce?: (nonce: Buffer) => Promise<Buffer>;
}

/** What CONNECT says of this program; brokers show it in their monitoring. */
const language = 'typescript';

export async function connectLine(options: {
  readonly info: BrokerInfo;
  readonly server: ServerUrl;
  readonly name: string;
  readonly auth: ConnectAuth | undefined;
  readonly tlsRequired: boolean;
  readonly nowMs: number;
  readonly version?: string;
}): Promise<string> {
  const {info, server, auth} = options;
  if (auth?.expiresAtMs !== undefined && auth.expiresAtMs <= options.nowMs) {
    const ended = new Date(auth.expiresAtMs).toISOString();
    throw new ConnectError('ERR_TOKEN_EXPIRED', `Cannot connect to ${server.text}: token expired at ${ended}`, {
      details: {server: server.text, ended},
    });
  }
  const user = server.user ?? auth?.user;
  const password = server.user === undefined ? auth?.password : server.password;
  const fields = {
    verbose: false,
    pedantic: false,
    echo: true,
    headers: true,
    no_responders: true,
    protocol: 1,
    tls_required: options.tlsRequired,
    name: options.name,
    lang: language,
    version: options.version ?? '1',
    ...(user === undefined ? {} : {user}),
    ...(password === undefined ? {} : {pass: password}),
    ...(await tokenFields(auth, info, server)),
  };
  const line = `CONNECT ${JSON.stringify(fields)}`;
  assert(!line.includes('\n'), 'JSON text holds no line end');
  return line;
}

async function tokenFields(
  auth: ConnectAuth | undefined,
  info: BrokerInfo,
  server: ServerUrl,
): Promise<Readonly<Record<string, string>>> {
  if (auth?.nkey === undefined && auth?.token === undefined) return {};
  if (auth.signNonce === undefined) return auth.token === undefined ? {} : {auth_token: auth.token};
  if (info.nonce === undefined) {
    throw new ConnectError(
      'ERR_AUTHORIZATION',
      `Cannot prove who we are to ${server.text}: the broker sent no nonce to sign; it is not set up for tokens`,
      {details: {server: server.text}},
    );
  }
  const signature = await auth.signNonce(Buffer.from(info.nonce));
  if (auth.nkey !== undefined) return {nkey: auth.nkey, sig: signature.toString('base64url')};
  if (auth.token === undefined) return {};
  // The token goes out under both names: brokers of both kinds read the one they know.
  return {auth_token: auth.token, jwt: auth.token, sig: signature.toString('base64url')};
}
