/** Reads the JSON of CONNECT. Unknown fields are ignored; a known field of the wrong type makes the whole unreadable, as in nats-server. */
import type {ConnectFields} from '../authentication/types.ts';

export interface ConnectOptions extends ConnectFields {
  readonly isVerbose: boolean;
  readonly isPedantic: boolean;
  readonly isEcho: boolean;
  readonly protocol: number;
  readonly hasHeaders: boolean;
  readonly wantsNoResponders: boolean;
  readonly language: string | undefined;
  readonly version: string | undefined;
  /** Asks for an account by name, which nobody may. */
  readonly isAccountNamed: boolean;
}

/** Before CONNECT, and for what CONNECT leaves out. */
export const defaultConnectOptions: ConnectOptions = {
  isVerbose: true,
  isPedantic: true,
  isEcho: true,
  protocol: 0,
  hasHeaders: false,
  wantsNoResponders: false,
  user: undefined,
  password: undefined,
  authToken: undefined,
  jwt: undefined,
  nkey: undefined,
  signature: undefined,
  name: undefined,
  language: undefined,
  version: undefined,
  isAccountNamed: false,
};

/** Returns undefined when it cannot be read. */
export function parseConnect(json: Buffer): ConnectOptions | undefined {
  const fields = parseObject(json);
  if (fields === undefined) return undefined;
  let isWrong = false;
  const value = <Value>(name: string, kind: 'string' | 'boolean' | 'number', missing: Value): Value => {
    const found = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (found === undefined || found === null) return missing;
    if (typeof found !== kind) isWrong = true;
    return found as Value;
  };
  const text = (name: string): string | undefined => value<string | undefined>(name, 'string', undefined);
  const options: ConnectOptions = {
    isVerbose: value('verbose', 'boolean', true),
    isPedantic: value('pedantic', 'boolean', true),
    isEcho: value('echo', 'boolean', true),
    protocol: value('protocol', 'number', 0),
    hasHeaders: value('headers', 'boolean', false),
    wantsNoResponders: value('no_responders', 'boolean', false),
    user: text('user'),
    password: text('pass'),
    authToken: text('auth_token'),
    jwt: text('jwt'),
    nkey: text('nkey'),
    signature: text('sig'),
    name: text('name'),
    language: text('lang'),
    version: text('version'),
    isAccountNamed: (text('account') ?? '') !== '',
  };
  return isWrong ? undefined : options;
}

function parseObject(json: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
