/** Finds out why a client, a server or a broker does not work, and says what to do. */
export {diagnose, type DiagnoseOptions, type Diagnosis} from './diagnose.ts';
export {type FindingCode, findingKinds, referencePage} from './kinds.ts';
export type {DoctorRole, Finding, FindingKind, Severity} from './types.ts';
