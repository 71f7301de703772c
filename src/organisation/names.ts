/** Which names members may have: they become file names, subjects, certificate names and words of policies. */
import {OrganisationError} from './errors.ts';
import {organisationLimits} from './limits.ts';
import type {MemberKind, OrganisationSecurity} from './types.ts';

const {nameLengthMax} = organisationLimits;
const hostForm = /^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*$/;
const userForm = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;
const addressForm = /^[0-9.]+$/;
/** Names with these ends are callers; a node of such a name could send requests. */
const callerEnds: readonly string[] = ['.mcollective', '.choria'];

function refuse(what: string, name: string, wanted: string): OrganisationError {
  return new OrganisationError(
    'ERR_ORGANISATION_NAME',
    `Cannot use ${JSON.stringify(name.slice(0, 100))} as the name of ${what}: expected ${wanted}`,
    {details: {name: name.slice(0, 100)}},
  );
}

/** A node's identity, or a broker's name. */
export function checkHostName(what: string, name: string): string {
  if (name.length > nameLengthMax || !hostForm.test(name) || name.includes('..')) {
    throw refuse(
      what,
      name,
      `1 to ${nameLengthMax} letters, digits, "-" and "_" in parts between dots, such as web1.example.net`,
    );
  }
  if (callerEnds.some((end) => name.toLowerCase().endsWith(end))) {
    throw refuse(what, name, `a name that does not end in ${callerEnds.join(' or ')}: those are users`);
  }
  return name;
}

/**
 * Refuses names that another kind of member has: whoever is revoked or renewed is named by the name alone. A broker may be a node too.
 *
 * @throws {OrganisationError} `ERR_ORGANISATION_NAME`
 */
export function checkNotShared(
  wanted: readonly {readonly kind: MemberKind; readonly name: string}[],
  known: readonly {readonly kind: MemberKind; readonly name: string}[],
): void {
  for (const {kind, name} of wanted) {
    const isSame = (other: {readonly kind: MemberKind; readonly name: string}): boolean =>
      other.name.toLowerCase() === name.toLowerCase() && (other.kind !== kind || other.name !== name);
    const other = [...wanted, ...known].find((item) => item.kind !== 'broker' && isSame(item));
    if (other !== undefined)
      throw refuse(`a ${kind}`, name, `a name that is not that of the ${other.kind} ${other.name}`);
  }
}

export function isIpv4(name: string): boolean {
  return addressForm.test(name) && name.split('.').length === 4;
}

/** The certificate name of a user, given with or without its ending. */
export function userCertname(name: string): string {
  const bare = name.endsWith('.mcollective') ? name.slice(0, -'.mcollective'.length) : name;
  const certname = `${bare}.mcollective`;
  if (certname.length > nameLengthMax || !userForm.test(bare) || bare.includes('..')) {
    throw refuse('a user', name, `letters, digits, "-", "_" and ".", such as rip`);
  }
  if (bare.toLowerCase().endsWith('.privileged')) {
    throw refuse('a user', name, 'a name that does not end in .privileged: such callers may speak for any other');
  }
  return certname;
}

/** A user's name in the organisation: that of its certificate, or the bare one of its token. */
export function userNameFor(security: OrganisationSecurity, name: string): string {
  const certname = userCertname(name);
  return security === 'x509' ? certname : certname.slice(0, -'.mcollective'.length);
}

/** What signed requests call their caller. */
export function callerIdOf(security: OrganisationSecurity, name: string): string {
  return security === 'x509' ? `choria=${name}` : `up=${name}`;
}

export function checkCollective(name: string): string {
  if (name.length <= nameLengthMax && /^[A-Za-z0-9_-]+$/.test(name)) return name;
  throw refuse('a collective', name, 'letters, digits, "-" and "_", such as mcollective');
}

export function checkOrganisationName(name: string): string {
  if (name.length > 0 && name.length <= nameLengthMax && !/[\u0000-\u001f\u007f]/.test(name)) return name;
  throw refuse('an organisation', name, `1 to ${nameLengthMax} printable characters`);
}

/** Paths stand in configuration files, one a line, and some settings cut their value at colons. */
export function checkDirectory(path: string): string {
  if (!/[\u0000-\u001f\u007f:]/.test(path)) return path;
  throw new OrganisationError(
    'ERR_ORGANISATION_PATH',
    `Cannot set up an organisation in ${JSON.stringify(path)}: expected a path without colons and control characters, which configuration files cannot carry`,
    {details: {path}},
  );
}
