/** The public door of `choria/sim`: a whole fleet from one seed. */
export type {FaultName} from './chaos.ts';
export type {Violation} from './checks.ts';
export {formatEvent, type HistoryEvent} from './history.ts';
export {shrink, type Shrunk} from './shrink.ts';
export {simulate, type SimulationOptions, type SimulationResult} from './simulation.ts';
export {SimulatedFleet, type SimulatedFleetOptions, startSimulatedFleet} from './simulated-fleet.ts';
export type {NodeSetting} from './fleet.ts';
export {KeyPool, type SimSecurity} from './organisation.ts';
