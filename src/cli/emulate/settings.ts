/**
 * What `choria emulate` is told: by flags, by a file, or both; a flag that was given wins over the file.
 */
import {dirname, isAbsolute, join} from 'node:path';
import {errorMessage} from '../../lib/errors.ts';
import {nsToMs, parseCliDuration} from '../../lib/duration.ts';
import type {Files} from '../../lib/platform.ts';
import {yaml} from '../../lib/yaml.ts';
import {emulatedDelayMsMax, type EmulatedAgentSettings, emulatedReplyBytesMax} from '../../server/index.ts';
import {CliError} from '../errors.ts';
import type {ParsedArguments} from '../types.ts';
import {agentsMax, collectivesMax, processesMax, serversMax, settingsFileBytesMax, startsAtOnceMax} from './limits.ts';

export interface EmulateSettings {
  readonly name: string;
  readonly count: number;
  readonly first: number;
  readonly processes: number;
  readonly identity: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly classes: readonly string[];
  /** Empty: those of the configuration. */
  readonly collectives: readonly string[];
  readonly agents: readonly EmulatedAgentSettings[];
  readonly rate: number;
  readonly startsAtOnce: number;
  readonly localAddresses: readonly string[];
  /** In place of the brokers of the configuration. */
  readonly servers: readonly string[];
  readonly isTls: boolean;
  readonly isHugePages: boolean;
  readonly ca?: string;
  readonly caKey?: string;
  /** 0 listens nowhere. */
  readonly monitorPort: number;
}

type Raw = Readonly<Record<string, unknown>>;

/** Key of the file -> flag. A key that is not here is an error. */
const flagOf: Readonly<Record<string, string>> = {
  name: 'name',
  count: 'count',
  first: 'first',
  processes: 'processes',
  identity: 'identity',
  facts: 'fact',
  classes: 'class',
  collectives: 'collective',
  agents: 'agent',
  rate: 'rate',
  starts_at_once: 'starts-at-once',
  local_addresses: 'local-address',
  servers: 'server',
  tls: 'tls',
  huge_pages: 'huge-pages',
  ca: 'ca',
  ca_key: 'ca-key',
  monitor: 'monitor',
};

/** @throws {CliError} `ERR_CLI_VALUE` | `ERR_CLI_FAILED` */
export async function readEmulateSettings(parsed: ParsedArguments, files: Files): Promise<EmulateSettings> {
  const path = parsed.flags['file'];
  const fromFile = typeof path === 'string' && path !== '' ? await readSettingsFile(files, path) : {};
  const value = (key: string): unknown => {
    const flag = flagOf[key] ?? key;
    return parsed.given.has(flag) ? parsed.flags[flag] : (fromFile[key] ?? parsed.flags[flag]);
  };
  const ca = optionalText(value('ca'), 'ca');
  const caKey = optionalText(value('ca_key'), 'ca_key');
  return {
    name: optionalText(value('name'), 'name') ?? '',
    count: whole(value('count'), {name: 'count', min: 1, max: serversMax}),
    first: whole(value('first'), {name: 'first', min: 0, max: Number.MAX_SAFE_INTEGER}),
    processes: whole(value('processes'), {name: 'processes', min: 1, max: processesMax}),
    identity: String(value('identity')),
    facts: textMap(value('facts'), 'facts'),
    classes: texts(value('classes'), {name: 'classes', max: agentsMax}),
    collectives: collectivesOf(value('collectives')),
    agents: agentsOf(value('agents')),
    rate: whole(value('rate'), {name: 'rate', min: 0, max: serversMax}),
    startsAtOnce: whole(value('starts_at_once'), {name: 'starts_at_once', min: 1, max: startsAtOnceMax}),
    localAddresses: texts(value('local_addresses'), {name: 'local_addresses', max: agentsMax}),
    servers: texts(value('servers'), {name: 'servers', max: agentsMax}),
    isTls: value('tls') !== false,
    isHugePages: value('huge_pages') === true,
    monitorPort: whole(value('monitor'), {name: 'monitor', min: 0, max: 65_535}),
    ...(ca === undefined ? {} : {ca}),
    ...(caKey === undefined ? {} : {caKey}),
  };
}

async function readSettingsFile(files: Files, path: string): Promise<Raw> {
  let document: unknown;
  try {
    const text = (await files.read(path, {limitBytes: settingsFileBytesMax})).toString('utf8');
    document = yaml().parse(text);
  } catch (cause) {
    throw new CliError('ERR_CLI_FAILED', `Cannot read "${path}": ${errorMessage(cause)}`, {cause});
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new CliError('ERR_CLI_VALUE', `Cannot use "${path}": expected keys and values, such as "count: 1000"`);
  }
  const raw = document as Raw;
  for (const key of Object.keys(raw)) {
    if (Object.hasOwn(flagOf, key)) continue;
    const known = Object.keys(flagOf).join(', ');
    throw new CliError('ERR_CLI_VALUE', `Cannot use "${path}": "${key}" is not one of ${known}`);
  }
  // Paths are relative to the file that names them.
  const place = (text: unknown): unknown =>
    typeof text === 'string' && text !== '' && !isAbsolute(text) ? join(dirname(path), text) : text;
  return {
    ...raw,
    ...(raw['ca'] === undefined ? {} : {ca: place(raw['ca'])}),
    ...(raw['ca_key'] === undefined ? {} : {ca_key: place(raw['ca_key'])}),
  };
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new CliError('ERR_CLI_VALUE', `${name} is ${JSON.stringify(value)}, expected a text`);
}

function whole(value: unknown, rule: {readonly name: string; readonly min: number; readonly max: number}): number {
  const number = typeof value === 'number' ? value : Number(value ?? 0);
  if (Number.isInteger(number) && number >= rule.min && number <= rule.max) return number;
  throw new CliError(
    'ERR_CLI_VALUE',
    `${rule.name} is ${JSON.stringify(value)}, expected a whole number from ${rule.min} to ${rule.max}`,
  );
}

function texts(value: unknown, rule: {readonly name: string; readonly max: number}): readonly string[] {
  const list: unknown[] = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  if (list.length <= rule.max && list.every((item) => typeof item === 'string')) return list;
  throw new CliError('ERR_CLI_VALUE', `${rule.name} is no list of at most ${rule.max} texts`);
}

function textMap(value: unknown, name: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new CliError('ERR_CLI_VALUE', `${name} is ${JSON.stringify(value)}, expected names with their values`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
}

/** A number makes the names that the reference's emulator uses: `mcollective`, `collective1`, `collective2`, ... */
function collectivesOf(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value.map(String) : value;
  const only = Array.isArray(list) && list.length === 1 ? list[0] : list;
  if (typeof only === 'number' || (typeof only === 'string' && /^\d{1,6}$/.test(only))) {
    const count = whole(only, {name: 'collectives', min: 1, max: collectivesMax});
    return Array.from({length: count}, (_, index) => (index === 0 ? 'mcollective' : `collective${index}`));
  }
  return texts(list, {name: 'collectives', max: collectivesMax});
}

function agentsOf(value: unknown): readonly EmulatedAgentSettings[] {
  const list: unknown[] = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  const agents = list.flatMap((item) => {
    if (typeof item === 'number' || (typeof item === 'string' && /^\d{1,6}$/.test(item))) return numberedAgents(item);
    if (typeof item === 'string') return [agentFromText(item)];
    return [agentFromObject(item)];
  });
  if (agents.length > agentsMax) {
    throw new CliError('ERR_CLI_VALUE', `${agents.length} agents are wanted, expected at most ${agentsMax}`);
  }
  return agents;
}

function numberedAgents(value: number | string): readonly EmulatedAgentSettings[] {
  const count = whole(value, {name: 'agents', min: 0, max: agentsMax});
  return Array.from({length: count}, (_, index) => ({name: `emulated${index}`}));
}

/**
 * `NAME` or `NAME:delay=100ms-2s,fail=5,reply=1024`: milliseconds or durations, per cent, characters.
 *
 * @throws {CliError} `ERR_CLI_VALUE`
 * @example
 * agentFromText('slow:delay=1s,fail=5') // {name: 'slow', delayMs: {min: 1000, max: 1000}, failureRate: 0.05}
 */
export function agentFromText(text: string): EmulatedAgentSettings {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  const entries = rest === '' ? [] : rest.split(',').map((part) => splitOnce(part));
  return agentFromObject({name, ...Object.fromEntries(entries)});
}

function splitOnce(part: string): readonly [string, string] {
  const equals = part.indexOf('=');
  return equals < 0 ? [part, ''] : [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
}

function agentFromObject(value: unknown): EmulatedAgentSettings {
  const known = ['name', 'delay', 'fail', 'reply'];
  const raw = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {};
  const name = raw['name'];
  const unknown = Object.keys(raw).find((key) => !known.includes(key));
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_]{0,63}$/.test(name) || unknown !== undefined) {
    throw new CliError(
      'ERR_CLI_VALUE',
      `Cannot use the agent ${JSON.stringify(value)}: expected a name in small letters and at most ${known.slice(1).join(', ')}`,
    );
  }
  return {
    name,
    ...(raw['delay'] === undefined ? {} : {delayMs: delayOf(raw['delay'], name)}),
    ...(raw['fail'] === undefined ? {} : {failureRate: percentOf(raw['fail'], name)}),
    ...(raw['reply'] === undefined
      ? {}
      : {replyBytes: whole(raw['reply'], {name: `reply of ${name}`, min: 0, max: emulatedReplyBytesMax})}),
  };
}

function delayOf(value: unknown, agent: string): {readonly min: number; readonly max: number} {
  const [from = '', to = from] = String(value).split('-');
  const [min, max] = [durationMs(from), durationMs(to)];
  if (min !== undefined && max !== undefined && min >= 0 && min <= max && max <= emulatedDelayMsMax) return {min, max};
  throw new CliError(
    'ERR_CLI_VALUE',
    `The delay of the agent ${agent} is ${JSON.stringify(value)}, expected such as 200ms or 100ms-2s, at most ${emulatedDelayMsMax / 60_000} minutes`,
  );
}

/** A bare number is milliseconds. */
function durationMs(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  try {
    return nsToMs(parseCliDuration(text));
  } catch {
    return undefined;
  }
}

function percentOf(value: unknown, agent: string): number {
  const percent = Number(String(value).replace(/%$/, ''));
  if (percent >= 0 && percent <= 100) return percent / 100;
  throw new CliError(
    'ERR_CLI_VALUE',
    `fail of the agent ${agent} is ${JSON.stringify(value)}, expected per cent from 0 to 100`,
  );
}
