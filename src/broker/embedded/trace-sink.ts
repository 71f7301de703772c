/** What is told of a message that is traced, by whoever has to do with it. */

/** As nats-server names them: subject mapping, stream export, service import, egress. Subjects are latin1. */
export type TraceEvent =
  | {readonly type: 'sm'; readonly to: string}
  | {readonly type: 'se'; readonly acc: string; readonly to: string}
  | {readonly type: 'si'; readonly acc: string; readonly from: string; readonly to: string}
  | {
      readonly type: 'eg';
      readonly kind: number;
      readonly cid: number;
      readonly name?: string;
      readonly acc?: string;
      readonly sub?: string;
      readonly queue?: string;
      readonly error?: string;
    };

export interface TraceSink {
  /** The message is given to nobody. */
  readonly isOnly: boolean;
  /** Where it was published. */
  readonly account: string;
  /** Why it was not let in. */
  ingressError: string | undefined;
  add(event: TraceEvent): void;
}
