import {ChoriaError} from '../../lib/errors.ts';

export const demoErrorCodes = {
  ERR_DEMO_NOT_READY: 'A program of the demo did not start in time or ended early',
  ERR_DEMO_NODES: 'The number of nodes asked for is out of range',
} as const;

export type DemoErrorCode = keyof typeof demoErrorCodes;

export class DemoError extends ChoriaError<DemoErrorCode> {}
