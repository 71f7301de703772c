/** Every bound of this area, with its reason. */
export const organisationLimits = {
  /** What a provisioner tells of a node, with all its facts. */
  questionBytesMax: 4 * 1_048_576,
  /** Manifest and records are some kilobytes; more was not written by us. */
  recordBytesMax: 65_536,
  /** Records of one organisation: each member leaves one at each renewal. */
  recordsMax: 200_000,
  /** Members made in one run; each costs a key and a dozen files. */
  membersPerRunMax: 10_000,
  /** Members whose files are written at the same time. */
  membersAtOnce: 8,
  /** A folder that was not finished and is older than this belongs to no run any more. */
  stagingAgeMs: 10 * 60_000,
  /** What X.509 allows in a common name, and what file systems and subjects take in any case. */
  nameLengthMax: 64,
  authorityValidityMs: 10 * 365 * 86_400_000,
  memberValidityMs: 365 * 86_400_000,
  /** Less than this is over before anybody has copied the files. */
  memberValidityMsMin: 60_000,
} as const;
