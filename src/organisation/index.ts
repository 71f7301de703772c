/** Sets up an organisation in a folder and keeps it. */
export {answerProvisioner} from './answer.ts';
export {
  createOrganisation,
  type CreateOptions,
  type CreateResult,
  type NewNode,
  type OrganisationPlatform,
} from './create.ts';
export {memberFolder} from './layout.ts';
export {
  type AddedMember,
  addMembers,
  type AddOptions,
  type AddResult,
  organisationStatus,
  renewMembers,
  type RenewOptions,
} from './members.ts';
export {moveBroker} from './relocate.ts';
export {revokeMember, type RevokeResult} from './revoke.ts';
export type {
  BrokerAddress,
  IssuedRecord,
  MemberKind,
  MemberState,
  MemberStatus,
  Organisation,
  OrganisationSecurity,
  Role,
} from './types.ts';
