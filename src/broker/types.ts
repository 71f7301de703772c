/** The one door behind which both broker engines stand. */
export interface EngineAddresses {
  /** `nats://host:port` or `tls://host:port` of the client listener, with the real port. */
  readonly client: string;
  readonly websocket?: string;
  readonly monitoring?: string;
}

export interface EngineStatistics {
  readonly connections: number;
  readonly totalConnections: number;
  readonly subscriptions: number;
  readonly inMessages: number;
  readonly outMessages: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly slowConsumers: number;
}

export interface Engine {
  readonly name: 'embedded' | 'nats-server';
  start(): Promise<EngineAddresses>;
  statistics(): EngineStatistics;
  /** Closes listeners, tells clients, waits up to `graceMs`, then cuts. */
  stop(options?: {readonly graceMs?: number}): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
