/**
 * Sends one signed request twice, byte for byte, as somebody would who recorded it.
 */
import {loadConfig} from '../../config/index.ts';
import {
  connectSecurity,
  createSecurityProvider,
  openConnection,
  securitySwitches,
  serverSource,
} from '../../connect/index.ts';
import type {Connection} from '../../connect/index.ts';
import {silentLogger} from '../../lib/logger.ts';
import type {Platform} from '../../lib/platform.ts';
import {sleep} from '../../lib/platform.ts';
import {
  broadcastSubject,
  encodeRequest,
  encodeTransport,
  inboxPrefix,
  newRequestId,
  protocolVersionOf,
  replySubject,
} from '../../protocol/index.ts';
import {collective} from './fleet-files.ts';
import {answersTimeoutMs, countIntervalMs, replayQuietMs, replayTtlSeconds} from './limits.ts';

export interface ReplayOptions {
  readonly platform: Platform;
  readonly configPath: string;
  readonly certname: string;
  /** How many answers the first request has when everybody answers. */
  readonly answersExpected: number;
  readonly signal: AbortSignal;
}

export interface ReplayResult {
  readonly requestId: string;
  readonly bytes: number;
  readonly firstAnswers: number;
  readonly secondAnswers: number;
}

export async function replayARequest(options: ReplayOptions): Promise<ReplayResult> {
  const {platform, signal} = options;
  const config = await loadConfig({platform, mode: 'user', path: options.configPath});
  const logger = silentLogger;
  const provider = await createSecurityProvider(config, {
    platform,
    mode: 'client',
    logger,
    certnameOverride: options.certname,
  });
  const requestId = newRequestId(protocolVersionOf(provider), {random: platform.random, nowMs: platform.clock.nowMs()});
  const replyTo = replySubject({collective, callerId: provider.callerId, requestId});
  const payload = await encodeRequest(
    {
      id: requestId,
      senderId: provider.certname,
      collective,
      agent: 'rpcutil',
      ttlSeconds: replayTtlSeconds,
      sentAtMs: platform.clock.nowMs(),
      body: Buffer.from(JSON.stringify({agent: 'rpcutil', action: 'ping', data: {}})),
    },
    {provider},
  );
  const message = encodeTransport({
    version: protocolVersionOf(provider),
    payload,
    replyTo,
    senderId: provider.certname,
    trace: [],
  });

  const connection = await openConnection({
    platform,
    name: provider.callerId,
    servers: serverSource(config, {platform, logger}),
    ...connectSecurity(config, {provider, switches: securitySwitches({platform, mode: 'client', logger})}),
    inboxPrefix: inboxPrefix(collective, provider.callerId),
    signal,
  });
  try {
    const counter = countMessages(connection, replyTo);
    const subject = broadcastSubject(collective, 'rpcutil');
    connection.publish(subject, message);
    await waitFor(() => counter.count >= options.answersExpected, options);
    const firstAnswers = counter.count;
    connection.publish(subject, message);
    await sleep(platform.clock, replayQuietMs, {signal});
    return {requestId, bytes: message.length, firstAnswers, secondAnswers: counter.count - firstAnswers};
  } finally {
    await connection.close();
  }
}

function countMessages(connection: Connection, subject: string): {count: number} {
  const counter = {count: 0};
  connection.subscribe(subject, () => {
    counter.count += 1;
  });
  return counter;
}

async function waitFor(isReady: () => boolean, options: ReplayOptions): Promise<void> {
  const {clock} = options.platform;
  const endsAtMs = clock.monotonicMs() + answersTimeoutMs;
  while (!isReady() && clock.monotonicMs() < endsAtMs) await sleep(clock, countIntervalMs, {signal: options.signal});
}
