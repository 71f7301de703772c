/** What the documents of monitoring are made from: the engine as it is at this moment. */
import type {Account} from '../embedded/account.ts';
import type {ClientConnection} from '../embedded/client.ts';
import type {EngineCore} from '../embedded/core.ts';
import {engineLimits} from '../limits.ts';
import type {ClosedConnections} from './closed-connections.ts';

export interface EngineView {
  readonly core: EngineCore;
  readonly serverId: string;
  readonly serverName: string;
  /** The NATS version whose behaviour this is. */
  readonly version: string;
  /** As announced to clients. */
  readonly host: string;
  readonly port: number;
  readonly clusterName: string | undefined;
  readonly startedAtMs: number;
  readonly isTls: boolean;
  readonly isCertificateRequired: boolean;
  readonly isAuthAnnounced: boolean;
  readonly certificateExpiresAtMs: number | undefined;
  readonly websocket:
    | {readonly host: string; readonly port: number; readonly isCompressed: boolean; readonly isTls: boolean}
    | undefined;
  /** The stats listener, once it listens. */
  readonly http: {readonly host: string; readonly port: number} | undefined;
  readonly clients: ReadonlyMap<number, ClientConnection>;
  readonly closed: ClosedConnections;
  readonly totalConnections: number;
  /** Requests by path, for `http_req_stats`. */
  readonly httpRequests: ReadonlyMap<string, number>;
  processUsage(): ProcessUsage;
}

export interface ProcessUsage {
  readonly rssBytes: number;
  /** Since the last look, 100 is one core. */
  readonly cpuPercent: number;
  readonly cores: number;
}

export function clientsOf(view: EngineView, account: Account): readonly ClientConnection[] {
  return [...view.clients.values()].filter((client) => client.account === account);
}

/** How many rows are shown; what is no number of rows is the usual one. */
export function rowLimit(wanted: number | undefined): number {
  const isWanted = wanted !== undefined && wanted > 0;
  return Math.min(isWanted ? wanted : engineLimits.documentRowsDefault, engineLimits.documentRowsMax);
}

/** A question that cannot be answered as it was asked. */
export class QuestionError extends Error {
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}
