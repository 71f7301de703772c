/**
 * The list of plugins that nodes download and keep: what operators edit, and what is packed and signed for the plugins watcher.
 *
 * A name becomes the name of a folder on every node, so one that could lead out of its place is refused when read, whoever signed it.
 */
import {stringifyGo} from '../lib/go-json.ts';
import {isJsonObject, jsonField, type JsonObject, parseJson} from '../lib/json.ts';
import {errorMessage} from '../lib/errors.ts';
import {MachineError} from './errors.ts';
import {manifestBytesMax, manifestPluginsMax, pluginNameLengthMax} from './limits.ts';

/** One entry, by the names that its JSON has. */
export interface ManagedPlugin {
  readonly name: string;
  /** Where its archive is, without the user and password of the download. */
  readonly source: string;
  readonly username?: string;
  readonly password?: string;
  /** SHA256, in hex, of the file of checksums inside the archive. */
  readonly verify_checksum: string;
  /** SHA256, in hex, of the archive. */
  readonly checksum: string;
  /** An expression that chooses nodes; without it every node has the plugin. */
  readonly match?: string;
  readonly governor?: string;
}

const requiredFields = ['name', 'source', 'verify_checksum', 'checksum'] as const;
const optionalFields = ['username', 'password', 'match', 'governor'] as const;
/** In the order in which the lists of other programs have them. */
const fieldOrder = [
  'name',
  'source',
  'username',
  'password',
  'verify_checksum',
  'checksum',
  'match',
  'governor',
] as const;

/** @throws {MachineError} `ERR_MACHINE_MANIFEST` for a name that could not be a folder's */
export function requirePluginName(name: string): void {
  if (/^\w[\w.-]*$/.test(name) && name.length <= pluginNameLengthMax) return;
  throw new MachineError(
    'ERR_MACHINE_MANIFEST',
    `Cannot use the plugin name ${JSON.stringify(name.slice(0, pluginNameLengthMax))}: expected up to ${pluginNameLengthMax} letters, digits, "_", "-" and ".", not starting with "." or "-"`,
  );
}

/**
 * @param place  names the text in errors
 * @throws {MachineError} `ERR_MACHINE_MANIFEST` with the place and the entry
 */
export function parseManifest(text: Uint8Array, place: string): readonly ManagedPlugin[] {
  let value: unknown;
  try {
    value = parseJson(text, {bytesMax: manifestBytesMax});
  } catch (error) {
    throw refusal(place, errorMessage(error), error);
  }
  if (!Array.isArray(value)) throw refusal(place, 'expected a JSON list of plugins');
  if (value.length > manifestPluginsMax) {
    throw refusal(place, `it has ${value.length} plugins, expected at most ${manifestPluginsMax}`);
  }
  return value.map((item: unknown, index) => readPlugin(item, `${place}, plugin ${index + 1}`));
}

function readPlugin(value: unknown, place: string): ManagedPlugin {
  if (!isJsonObject(value)) throw refusal(place, 'expected a JSON object');
  const required = (name: (typeof requiredFields)[number]): string => {
    const text = textField(value, name, place);
    if (text === '') throw refusal(place, `"${name}" is missing`);
    return text;
  };
  const plugin: ManagedPlugin = {
    name: required('name'),
    source: required('source'),
    verify_checksum: required('verify_checksum'),
    checksum: required('checksum'),
    ...Object.fromEntries(
      optionalFields.map((name) => [name, textField(value, name, place)]).filter(([, text]) => text !== ''),
    ),
  };
  requirePluginName(plugin.name);
  return plugin;
}

function textField(object: JsonObject, name: string, place: string): string {
  const value = jsonField(object, name) ?? '';
  if (typeof value !== 'string') throw refusal(place, `"${name}" is not text`);
  return value;
}

function refusal(place: string, reason: string, cause?: unknown): MachineError {
  return new MachineError(
    'ERR_MACHINE_MANIFEST',
    `Cannot read the list of plugins in ${place}: ${reason}`,
    cause === undefined ? {} : {cause},
  );
}

/** The list as text, without a line end behind it. */
export function renderManifest(plugins: readonly ManagedPlugin[]): string {
  const ordered = plugins.map((plugin) =>
    Object.fromEntries(fieldOrder.flatMap((name) => (plugin[name] === undefined ? [] : [[name, plugin[name]]]))),
  );
  return stringifyGo(ordered, {indent: '  '});
}

export interface PluginSource {
  readonly source: string;
  readonly username?: string;
  readonly password?: string;
}

/**
 * Takes the user and password out of a URL.
 *
 * @throws {MachineError} `ERR_MACHINE_MANIFEST` for what is no HTTP address; the message never quotes the credentials
 * @example splitCredentials('https://u:p@example.net/a.tgz') // {source: 'https://example.net/a.tgz', username: 'u', password: 'p'}
 */
export function splitCredentials(url: string): PluginSource {
  // By hand, since the address may hold templates, which a parser of URLs would write anew.
  const match = /^(https?:\/\/)(?:([^/?#]*)@)?([^/?#@]+(?:[/?#].*)?)$/i.exec(url);
  if (match === null) {
    throw new MachineError(
      'ERR_MACHINE_MANIFEST',
      `Cannot use the address of the plugin: expected https://HOST/PATH or http://HOST/PATH`,
    );
  }
  const [, scheme = '', credentials, rest = ''] = match;
  if (credentials === undefined) return {source: url};
  const at = credentials.indexOf(':');
  const username = at === -1 ? credentials : credentials.slice(0, at);
  return {
    source: `${scheme}${rest}`,
    username: decoded(username),
    ...(at === -1 ? {} : {password: decoded(credentials.slice(at + 1))}),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that is meant as one.
    return text;
  }
}

/** The list with the plugin in it, in place of the first entry of its name; what the new one does not say stays as it was. */
export function putPlugin(
  plugins: readonly ManagedPlugin[],
  plugin: ManagedPlugin,
): {readonly plugins: readonly ManagedPlugin[]; readonly isNew: boolean} {
  requirePluginName(plugin.name);
  const at = plugins.findIndex(({name}) => name === plugin.name);
  if (at === -1) return {plugins: [...plugins, plugin], isNew: true};
  return {plugins: plugins.map((item, index) => (index === at ? {...item, ...plugin} : item)), isNew: false};
}
