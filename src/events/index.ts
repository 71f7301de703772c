/** The public door of `events`: lifecycle events. */
export {EventError, type EventErrorCode, eventErrorCodes} from './errors.ts';
export {
  encodeLifecycleEvent,
  type LifecycleEvent,
  type LifecycleFormat,
  type LifecycleType,
  lifecycleSubject,
  parseLifecycleEvent,
} from './lifecycle.ts';
export {eventLimits} from './limits.ts';
