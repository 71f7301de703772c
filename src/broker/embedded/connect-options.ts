/**
 * Reads the JSON of CONNECT. Unknown fields are ignored; a known field of the wrong type makes the whole unreadable, as in nats-server, and so
 * does JSON of another shape. Names count in any case.
 */
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

/** Read for their type alone. */
const otherFields = {
  tls_required: 'boolean',
  remote_account: 'string',
  proxy_sig: 'string',
  import: 'object',
  export: 'object',
} as const;
/** A number with a fraction or an exponent is none to nats-server, whatever its value. */
const plainProtocol = /"protocol"\s*:\s*-?\d+\s*[,}]/i;

/**
 * Returns undefined when it cannot be read.
 *
 * @param before what holds for fields that are left out: another CONNECT changes only what it names
 */
export function parseConnect(json: Buffer, before: ConnectOptions = defaultConnectOptions): ConnectOptions | undefined {
  const fields = parseObject(json);
  if (fields === undefined) return undefined;
  let isWrong = false;
  const value = <Value>(name: string, kind: 'string' | 'boolean' | 'number' | 'object', missing: Value): Value => {
    const found = fields.get(name);
    if (found === undefined || found === null) return missing;
    if (typeof found !== kind) isWrong = true;
    return found as Value;
  };
  const text = (name: string, missing: string | undefined): string | undefined => value(name, 'string', missing);
  for (const [name, kind] of Object.entries(otherFields)) value(name, kind, undefined);
  const options: ConnectOptions = {
    isVerbose: value('verbose', 'boolean', before.isVerbose),
    isPedantic: value('pedantic', 'boolean', before.isPedantic),
    isEcho: value('echo', 'boolean', before.isEcho),
    protocol: value('protocol', 'number', before.protocol),
    hasHeaders: value('headers', 'boolean', before.hasHeaders),
    wantsNoResponders: value('no_responders', 'boolean', before.wantsNoResponders),
    user: text('user', before.user),
    password: text('pass', before.password),
    authToken: text('auth_token', before.authToken),
    jwt: text('jwt', before.jwt),
    nkey: text('nkey', before.nkey),
    signature: text('sig', before.signature),
    name: text('name', before.name),
    language: text('lang', before.language),
    version: text('version', before.version),
    isAccountNamed: (text('account', undefined) ?? '') !== '' || value('new_account', 'boolean', false),
  };
  if (typeof fields.get('protocol') === 'number') isWrong ||= !plainProtocol.test(json.toString('latin1'));
  return isWrong || !Number.isSafeInteger(options.protocol) ? undefined : options;
}

/** By name in lower case. */
function parseObject(json: Buffer): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json.toString('utf8'));
    if (typeof value !== 'object' || Array.isArray(value)) return undefined;
    return new Map(Object.entries(value ?? {}).map(([name, item]) => [name.toLowerCase(), item]));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
