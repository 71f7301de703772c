/** Addresses of brokers: `host`, `host:port`, `nats://`, `tls://`, `ws://` and `wss://` URLs, IPv6 in brackets. */
import {ConnectError} from './errors.ts';

export type ServerScheme = 'nats' | 'tls' | 'ws' | 'wss';

export interface ServerUrl {
  readonly scheme: ServerScheme;
  readonly host: string;
  readonly port: number;
  /** Path and query of a WebSocket address; empty for others. */
  readonly path: string;
  readonly user?: string;
  readonly password?: string;
  /** Without user and password: for logs and `connectedServer`. */
  readonly text: string;
}

const defaultPorts: Readonly<Record<ServerScheme, number>> = {nats: 4222, tls: 4222, ws: 80, wss: 443};

const shape = /^(?:([a-z]+):\/\/)?(?:([^@/]*)@)?(\[[0-9a-fA-F:.%]+\]|[^:/@[\]\s]+)(?::(\d{1,5}))?(\/[^\s]*)?$/;

/**
 * @throws {ConnectError} `ERR_SERVER_URL`
 */
export function parseServerUrl(text: string, defaultScheme: ServerScheme = 'nats'): ServerUrl {
  const trimmed = text.trim();
  const refuse = (why: string): ConnectError =>
    new ConnectError('ERR_SERVER_URL', `Cannot use "${withoutCredentials(trimmed)}" as a broker address: ${why}`, {
      details: {address: withoutCredentials(trimmed)},
    });
  const match = shape.exec(trimmed);
  if (!match) throw refuse('expected host:port, nats://host:port or wss://host:port');
  const scheme = match[1] ?? defaultScheme;
  if (!isScheme(scheme)) throw refuse(`the scheme "${scheme}" is not one of nats, tls, ws, wss`);
  const port = match[4] === undefined ? defaultPorts[scheme] : Number(match[4]);
  if (port < 1 || port > 65_535) throw refuse('the port is not in 1 to 65535');
  const written = match[3] ?? '';
  const path = match[5] ?? '';
  if ((scheme === 'nats' || scheme === 'tls') && path !== '' && path !== '/')
    throw refuse('a path has no meaning here');
  const webPath = scheme === 'ws' || scheme === 'wss' ? path || '/' : '';
  return {
    scheme,
    host: written.startsWith('[') ? written.slice(1, -1) : written,
    port,
    path: webPath,
    ...credentials(match[2]),
    text: `${scheme}://${written}:${port}${webPath === '/' ? '' : webPath}`,
  };
}

function isScheme(text: string): text is ServerScheme {
  return Object.hasOwn(defaultPorts, text);
}

function credentials(userinfo: string | undefined): {readonly user?: string; readonly password?: string} {
  if (userinfo === undefined || userinfo === '') return {};
  const colon = userinfo.indexOf(':');
  if (colon < 0) return {user: unescapePercent(userinfo)};
  return {user: unescapePercent(userinfo.slice(0, colon)), password: unescapePercent(userinfo.slice(colon + 1))};
}

function unescapePercent(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function withoutCredentials(text: string): string {
  const at = text.lastIndexOf('@');
  if (at < 0) return text;
  const scheme = text.indexOf('://');
  return `${scheme < 0 ? '' : text.slice(0, scheme + 3)}${text.slice(at + 1)}`;
}
