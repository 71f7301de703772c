export {parseConstraint, type SemverConstraint, satisfies} from './constraint.ts';
export {compareVersions, parseVersion, type SemanticVersion} from './version.ts';
