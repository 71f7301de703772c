/** The words of this area. */
import type {Config} from '../config/index.ts';
import type {FindingCode, Severity} from './kinds.ts';

/** Which program the configuration is for. */
export type DoctorRole = 'client' | 'server' | 'broker';

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly title: string;
  /** What was seen, where. Never a secret. */
  readonly cause: string;
  /** A command to run or a line of configuration. */
  readonly fix: string;
  /** Where the documentation tells more, from the package's root. */
  readonly page: string;
}

/** What every topic gets that looks at a loaded configuration. */
export interface Subject {
  readonly role: DoctorRole;
  readonly config: Config;
  readonly configPath: string;
  readonly nowMs: number;
}
