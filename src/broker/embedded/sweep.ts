/**
 * The round that looks after time: authentication, expiry, keep-alive, write deadlines, connections that were told to go.
 *
 * One timer for all connections: ten thousand timers of their own would cost more memory than the connections' subjects.
 */
import {engineLimits} from '../limits.ts';
import type {ClientConnection} from './client.ts';
import type {EngineCore} from './core.ts';
import {closeReasons, errorTexts} from './reasons.ts';

/**
 * After a stall of this process what others sent in time still waits in sockets: every deadline moves by the time that was lost, and the next
 * round judges.
 */
export function forgive(clients: Iterable<ClientConnection>, lostMs: number): void {
  for (const client of clients) {
    client.authDeadlineMs += lostMs;
    client.nextPingMs += lostMs;
    client.lastInboundMs += lostMs;
    client.blockedSinceMs += lostMs;
    client.closingSinceMs += lostMs;
  }
}

/** Cuts those that have most waiting, until all together are below the bound again. */
export function relieve(core: EngineCore, clients: Iterable<ClientConnection>): void {
  const waiting: {readonly client: ClientConnection; readonly bytes: number}[] = [];
  core.pendingBytes = 0;
  for (const client of clients) {
    const bytes = client.recount();
    core.pendingBytes += bytes;
    if (bytes > 0 && !client.isClosing) waiting.push({client, bytes});
  }
  const {pendingBytesTotalMax} = core.limits;
  if (core.pendingBytes <= pendingBytesTotalMax) return;
  // Well below, so that the next message does not bring the next round.
  const aim = pendingBytesTotalMax * engineLimits.relieveShare;
  for (const {client} of waiting.sort((a, b) => b.bytes - a.bytes)) {
    if (core.pendingBytes <= aim) return;
    core.slowConsumer(client, closeReasons.slowPending);
  }
}

export function sweep(core: EngineCore, clients: Iterable<ClientConnection>): void {
  const now = core.clock.monotonicMs();
  const wallMs = core.clock.nowMs();
  for (const client of clients) {
    if (client.isClosing) {
      if (now - client.closingSinceMs >= engineLimits.closingMs) client.cut(closeReasons.clientClosed);
      continue;
    }
    if (now >= client.authDeadlineMs) {
      client.close(closeReasons.authenticationTimeout, errorTexts.authenticationTimeout);
      continue;
    }
    if (wallMs >= client.expiresAtMs) {
      client.close(closeReasons.authenticationExpired, errorTexts.authenticationExpired);
      continue;
    }
    checkWriting(core, client, now);
    if (client.isAuthenticated && !client.isClosing && now >= client.nextPingMs) checkAlive(core, client, now);
  }
}

/**
 * A hand-over is finished when everything queued at its beginning has left, however much was queued since: a reader of one byte a second
 * never stalls and is still cut.
 */
function checkWriting(core: EngineCore, client: ClientConnection, now: number): void {
  const waiting = client.stream.queuedBytes;
  if (waiting === 0) {
    client.blockedSinceMs = Infinity;
    return;
  }
  const handed = client.stream.writtenBytes;
  const left = handed - waiting;
  if (client.blockedSinceMs === Infinity || left >= client.blockedUntilBytes) {
    client.blockedSinceMs = now;
    client.blockedUntilBytes = handed;
    return;
  }
  if (now - client.blockedSinceMs >= core.limits.writeDeadlineMs) core.slowConsumer(client, closeReasons.slowDeadline);
}

function checkAlive(core: EngineCore, client: ClientConnection, now: number): void {
  const {pingIntervalMs, pingsOutMax} = core.limits;
  const isFirst = client.pingsOut === 0 && client.nextPingMs <= client.connectedAtMs + pingIntervalMs;
  const isActive = now - client.lastInboundMs < pingIntervalMs;
  if (isFirst ? client.hasPinged : isActive) {
    client.nextPingMs = client.lastInboundMs + pingIntervalMs;
    // Whatever came shows that somebody is there.
    if (isActive) client.pingsOut = 0;
    return;
  }
  if (client.pingsOut >= pingsOutMax) {
    core.staleConnections += 1;
    client.close(closeReasons.staleConnection, errorTexts.staleConnection);
    return;
  }
  client.sendPing();
  client.nextPingMs = now + pingIntervalMs;
}
