/** Bounds of events. */
export const eventLimits = {
  /** A real event is below 1 KiB. */
  eventBytesMax: 64 * 1024,
  /** `alive` is sent every half hour; the first one after a random number of whole minutes below that. */
  aliveIntervalMs: 30 * 60 * 1000,
  aliveFirstMinutesMax: 29,
} as const;
