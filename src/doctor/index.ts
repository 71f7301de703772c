/** Finds out why a client, a server or a broker does not work, and says what to do. */
export {diagnose, type DiagnoseOptions, type Diagnosis} from './diagnose.ts';
export {type FindingCode, type FindingKind, findingKinds} from './kinds.ts';
export type {DoctorRole, Finding} from './types.ts';
