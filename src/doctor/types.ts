/** The words of this area. */
import type {Config} from '../config/index.ts';
import type {FindingCode} from './kinds.ts';

/** Which program the configuration is for. */
export type DoctorRole = 'client' | 'server' | 'broker';

export type Severity = 'error' | 'warning';

/** What is the same for every finding of a kind. */
export interface FindingKind {
  readonly severity: Severity;
  readonly title: string;
  /** For the reference page: what it means and what happens when it is left alone. */
  readonly meaning: string;
}

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
