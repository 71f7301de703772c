/**
 * Lifecycle events: what happens to servers and other long-running parts, as CloudEvents 1.0.
 *
 * Key order is part of the format, because consumers compare bytes. Rules: server.md 9; vectors: agents/lifecycle.json.
 * Pure: ids and times come in.
 */
import {EventError} from './errors.ts';
import {eventLimits} from './limits.ts';

export type LifecycleType = 'startup' | 'alive' | 'shutdown' | 'provisioned' | 'upgraded' | 'governor';

interface LifecycleBase {
  readonly id: string;
  readonly identity: string;
  /** Such as `server`, `service_host`, `provision_mode_server`, or the name an embedder chose. */
  readonly component: string;
  /** Milliseconds since 1970; the wire carries whole seconds. */
  readonly atMs: number;
}

export type LifecycleEvent =
  | (LifecycleBase & {readonly type: 'startup' | 'alive'; readonly version: string})
  | (LifecycleBase & {readonly type: 'shutdown' | 'provisioned'})
  | (LifecycleBase & {readonly type: 'upgraded'; readonly version: string; readonly newVersion: string})
  | (LifecycleBase & {
      readonly type: 'governor';
      readonly governor: string;
      readonly sequence: number;
      readonly eventType: string;
    });

export type LifecycleFormat = 'cloudevent' | 'legacy';

const source = 'io.choria.lifecycle';
const types: readonly LifecycleType[] = ['startup', 'alive', 'shutdown', 'provisioned', 'upgraded', 'governor'];

/** `choria.lifecycle.event.TYPE.COMPONENT`. */
export function lifecycleSubject(event: Pick<LifecycleEvent, 'type' | 'component'>): string {
  return `choria.lifecycle.event.${event.type}.${event.component}`;
}

/**
 * @returns JSON text in the exact key order of the reference; `legacy` is the bare data object
 * @throws {EventError} `ERR_EVENT_INCOMPLETE` without a component
 */
export function encodeLifecycleEvent(event: LifecycleEvent, format: LifecycleFormat): Buffer {
  if (event.component === '') {
    throw new EventError('ERR_EVENT_INCOMPLETE', `Cannot publish a ${event.type} event: it names no component`);
  }
  const seconds = Math.floor(event.atMs / 1000);
  const protocol = `${source}.v1.${event.type}`;
  const data = {
    protocol,
    id: event.id,
    identity: event.identity,
    component: event.component,
    timestamp: seconds,
    ...extraFields(event),
  };
  if (format === 'legacy') return Buffer.from(JSON.stringify(data));
  return Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: event.id,
      source,
      type: protocol,
      subject: event.identity,
      datacontenttype: 'application/json',
      time: new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'),
      data,
    }),
  );
}

function extraFields(event: LifecycleEvent): Readonly<Record<string, unknown>> {
  switch (event.type) {
    case 'startup':
    case 'alive':
      return {version: event.version};
    case 'upgraded':
      return {version: event.version, new_version: event.newVersion};
    case 'governor':
      return {governor: event.governor, sequence: event.sequence, event_type: event.eventType};
    case 'shutdown':
    case 'provisioned':
      return {};
  }
}

/**
 * Reads an event in either form, also with the older `choria:lifecycle:TYPE:1` protocol.
 *
 * @throws {EventError} `ERR_EVENT_INVALID`
 */
export function parseLifecycleEvent(raw: Uint8Array): {
  readonly event: LifecycleEvent;
  readonly format: LifecycleFormat;
} {
  const outer = fieldsOf(parseJson(raw));
  const isCloudEvent = outer.has('specversion');
  const data = isCloudEvent ? fieldsOf(outer.get('data')) : outer;
  const type = typeOf(data.get('protocol'));
  const base = {
    id: textField(data, 'id'),
    identity: textField(data, 'identity'),
    component: textField(data, 'component'),
    atMs: numberField(data, 'timestamp') * 1000,
  };
  return {event: {...base, ...specificFields(type, data)}, format: isCloudEvent ? 'cloudevent' : 'legacy'};
}

type Specific<T = LifecycleEvent> = T extends LifecycleEvent ? Omit<T, keyof LifecycleBase> : never;

function specificFields(type: LifecycleType, data: ReadonlyMap<string, unknown>): Specific {
  switch (type) {
    case 'startup':
    case 'alive':
      return {type, version: textField(data, 'version')};
    case 'shutdown':
    case 'provisioned':
      return {type};
    case 'upgraded':
      return {type, version: textField(data, 'version'), newVersion: textField(data, 'new_version')};
    case 'governor':
      return {
        type,
        governor: textField(data, 'governor'),
        sequence: numberField(data, 'sequence'),
        eventType: textField(data, 'event_type'),
      };
  }
}

function parseJson(raw: Uint8Array): unknown {
  if (raw.length > eventLimits.eventBytesMax) {
    throw new EventError(
      'ERR_EVENT_INVALID',
      `Cannot read an event of ${raw.length} bytes: expected at most ${eventLimits.eventBytesMax}`,
    );
  }
  try {
    return JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('utf8'));
  } catch (cause) {
    throw new EventError('ERR_EVENT_INVALID', 'Cannot read an event: it is not JSON', {cause});
  }
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EventError('ERR_EVENT_INVALID', 'Cannot read an event: expected a JSON object');
  }
  return new Map(Object.entries(value));
}

function typeOf(protocol: unknown): LifecycleType {
  const text = typeof protocol === 'string' ? protocol : '';
  const name = text.startsWith(`${source}.v1.`)
    ? text.slice(source.length + 4)
    : (/^choria:lifecycle:([a-z]+):1$/.exec(text)?.[1] ?? '');
  const found = types.find((type) => type === name);
  if (found !== undefined) return found;
  throw new EventError('ERR_EVENT_INVALID', `Cannot read an event of protocol ${JSON.stringify(text.slice(0, 100))}`);
}

function textField(data: ReadonlyMap<string, unknown>, name: string): string {
  const value = data.get(name);
  if (typeof value === 'string') return value;
  throw new EventError('ERR_EVENT_INVALID', `Cannot read an event: its field "${name}" is not text`);
}

function numberField(data: ReadonlyMap<string, unknown>, name: string): number {
  const value = data.get(name);
  if (typeof value === 'number') return value;
  throw new EventError('ERR_EVENT_INVALID', `Cannot read an event: its field "${name}" is not a number`);
}
