/** Speaks of a certificate before it ends: an expired one locks the whole fleet out at once. */
import {X509Certificate} from 'node:crypto';
import type {Logger} from '../lib/logger.ts';
import type {Clock, TimerHandle} from '../lib/platform.ts';
import {engineLimits} from './limits.ts';

const dayMs = 86_400_000;

export interface ExpiryWatch {
  /** Looks now: the certificate may be another one. */
  look(): void;
  stop(): void;
}

/** Looks at once and then twice a day; says so from thirty days before the end, and as an error in the last week. */
export function watchExpiry(
  certificatePem: () => string | undefined,
  {clock, logger}: {readonly clock: Clock; readonly logger: Logger},
): ExpiryWatch {
  let timer: TimerHandle | undefined;
  const look = (): void => {
    const pem = certificatePem();
    if (pem !== undefined) report(pem, {nowMs: clock.nowMs(), logger});
  };
  const round = (): void => {
    look();
    timer = clock.setTimer(round, engineLimits.expiryLookMs, {background: true});
  };
  round();
  return {look, stop: () => timer?.cancel()};
}

function report(pem: string, {nowMs, logger}: {readonly nowMs: number; readonly logger: Logger}): void {
  const endsAtMs = Date.parse(new X509Certificate(pem).validTo);
  const leftMs = endsAtMs - nowMs;
  if (!(leftMs < engineLimits.expiryWarningMs)) return;
  const end = new Date(endsAtMs).toISOString();
  const days = Math.max(0, Math.floor(leftMs / dayMs));
  const message =
    leftMs <= 0
      ? `The certificate of this broker ended at ${end}: nobody can connect until it is renewed`
      : `The certificate of this broker ends at ${end}, in ${days} days: nobody can connect from then on unless it is renewed`;
  if (leftMs < engineLimits.expiryErrorMs) logger.error(message);
  else logger.warn(message);
}
