/** The public door of `choria/sim`: a whole fleet from one seed. */
export type {Violation} from './checks.ts';
export {formatEvent, type HistoryEvent} from './history.ts';
export {simulate, type SimulationOptions, type SimulationResult} from './simulation.ts';
