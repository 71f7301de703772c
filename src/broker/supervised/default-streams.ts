/** The streams that a broker with streams has from the start (spec broker 7). Names as on the wire: this is the body of the requests that make them. */
import type {StreamRules} from './settings.ts';

export interface StreamWire {
  readonly name: string;
  readonly description?: string;
  readonly subjects: readonly string[];
  readonly retention: 'limits';
  readonly max_consumers: number;
  readonly max_msgs_per_subject: number;
  readonly max_msgs: number;
  readonly max_bytes: number;
  /** Nanoseconds. */
  readonly max_age: number;
  readonly max_msg_size: number;
  readonly storage: 'file';
  readonly discard: 'old' | 'new';
  readonly num_replicas: number;
  /** Nanoseconds. */
  readonly duplicate_window: number;
  readonly subject_transform?: {readonly src: string; readonly dest: string};
  readonly sealed: boolean;
  readonly deny_delete: boolean;
  readonly deny_purge: boolean;
  readonly allow_rollup_hdrs: boolean;
  readonly allow_direct: boolean;
  readonly mirror_direct: boolean;
  readonly consumer_limits: Readonly<Record<string, never>>;
}

const duplicateWindowMs = 120_000;
const electionMessageBytesMax = 1024;

type Differences = Pick<StreamWire, 'name' | 'subjects' | 'num_replicas'> &
  Partial<StreamWire> & {readonly ageMs: number};

function stream({ageMs, ...differences}: Differences): StreamWire {
  return {
    retention: 'limits',
    max_consumers: -1,
    max_msgs_per_subject: -1,
    max_msgs: -1,
    max_bytes: -1,
    max_age: nanoseconds(ageMs),
    max_msg_size: -1,
    storage: 'file',
    discard: 'old',
    // The server refuses a window that is longer than messages live.
    duplicate_window: nanoseconds(Math.min(duplicateWindowMs, ageMs)),
    sealed: false,
    deny_delete: false,
    deny_purge: false,
    allow_rollup_hdrs: false,
    allow_direct: false,
    mirror_direct: false,
    consumer_limits: {},
    ...differences,
  };
}

/** A retention of 0 or less leaves a stream out; the bucket of leader elections is always there. */
export function defaultStreams({retentionMs, replicas, electionTtlMs}: StreamRules): readonly StreamWire[] {
  const kept: readonly Differences[] = [
    {name: 'CHORIA_EVENTS', subjects: ['choria.lifecycle.>'], ageMs: retentionMs.event, num_replicas: replicas.event},
    {
      name: 'CHORIA_MACHINE',
      subjects: ['choria.machine.>'],
      ageMs: retentionMs.machine,
      num_replicas: replicas.machine,
    },
    {
      name: 'CHORIA_STREAM_ADVISORIES',
      subjects: ['$JS.EVENT.ADVISORY.>'],
      ageMs: retentionMs.advisory,
      num_replicas: replicas.advisory,
    },
    {
      name: 'CHORIA_EXECUTOR',
      description: 'Choria Executor Events',
      subjects: ['choria.submission.in.choria.executor.>'],
      ageMs: retentionMs.executor,
      num_replicas: replicas.executor,
      subject_transform: {src: 'choria.submission.in.choria.executor.>', dest: 'choria.executor.>'},
      allow_direct: true,
    },
  ];
  return [
    ...kept.filter(({ageMs}) => ageMs > 0).map(stream),
    stream({
      name: 'KV_CHORIA_LEADER_ELECTION',
      description: 'Choria Leader Election Bucket',
      subjects: ['$KV.CHORIA_LEADER_ELECTION.>'],
      ageMs: electionTtlMs,
      num_replicas: replicas.election,
      max_msgs_per_subject: 1,
      max_msg_size: electionMessageBytesMax,
      discard: 'new',
      deny_delete: true,
      allow_rollup_hdrs: true,
      allow_direct: true,
    }),
  ];
}

function nanoseconds(milliseconds: number): number {
  return milliseconds * 1_000_000;
}
