/** What a fleet of a size is made of. */
import {StudyError} from './errors.ts';
import {brokersMax, connectionsPerBroker, serversMax, serversOfOneProcess, serversPerProcess} from './limits.ts';

export type StudyEngine = 'embedded' | 'nats-server';

export interface StudyPlan {
  readonly servers: number;
  readonly engine: StudyEngine;
  readonly brokers: number;
  readonly processes: number;
  readonly isTls: boolean;
  readonly isHugePages?: true;
}

/**
 * The embedded broker where one is enough, else a cluster of nats-servers under our supervision.
 *
 * @throws {StudyError} `ERR_STUDY_OPTIONS`
 */
export function planFleet(options: {
  readonly servers: number;
  readonly engine?: StudyEngine | undefined;
  readonly brokers?: number | undefined;
  readonly processes?: number | undefined;
  readonly isTls: boolean;
  readonly isHugePages?: boolean;
}): StudyPlan {
  const {servers, isTls} = options;
  const needed = Math.ceil(servers / connectionsPerBroker);
  const engine = options.engine ?? (needed > 1 || (options.brokers ?? 1) > 1 ? 'nats-server' : 'embedded');
  const brokers = options.brokers ?? needed;
  const processes = options.processes ?? processesFor(servers);
  if (!Number.isInteger(servers) || servers < 1 || servers > serversMax) {
    throw refuse(`a fleet of ${servers} servers`, `1 to ${serversMax}`);
  }
  if (!Number.isInteger(brokers) || brokers < 1 || brokers > brokersMax) {
    throw refuse(`${brokers} brokers`, `1 to ${brokersMax}`);
  }
  if (engine === 'embedded' && brokers > 1) {
    throw refuse(`${brokers} embedded brokers`, 'one, or --engine nats-server: embedded brokers form no cluster');
  }
  if (!Number.isInteger(processes) || processes < 1 || processes > servers) {
    throw refuse(`${processes} emulator processes`, `1 to ${servers}`);
  }
  return {servers, engine, brokers, processes, isTls, ...(options.isHugePages === true ? {isHugePages: true} : {})};
}

/** Two keep the cores of a small machine busy; each costs its own memory and its own time to get fast, so more only where open files demand it. */
function processesFor(servers: number): number {
  return servers <= serversOfOneProcess ? 1 : Math.max(2, Math.ceil(servers / serversPerProcess));
}

function refuse(what: string, wanted: string): StudyError {
  return new StudyError('ERR_STUDY_OPTIONS', `Cannot study ${what}: expected ${wanted}`);
}
