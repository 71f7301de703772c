/**
 * Every kind of finding: the one table from which findings, help and `docs/reference/doctor.md` come.
 *
 * A code never changes its meaning and is never used for something else.
 */
export type Severity = 'error' | 'warning';

/** What is the same for every finding of a kind. */
export interface FindingKind {
  readonly severity: Severity;
  readonly title: string;
  /** For the reference page: what it means and what happens when it is left alone. */
  readonly meaning: string;
}

function kind(severity: Severity, title: string, meaning: string): FindingKind {
  return {severity, title, meaning};
}

const error = (title: string, meaning: string): FindingKind => kind('error', title, meaning);
const warning = (title: string, meaning: string): FindingKind => kind('warning', title, meaning);

export const findingKinds = {
  'config-missing': error(
    'The configuration file is not there',
    'Programs that need the file do not start; clients without `--config` look at the usual places.',
  ),
  'config-unreadable': error(
    'The configuration file cannot be read',
    'It is a device, too large, or this user may not read it.',
  ),
  'config-contradiction': error('Settings contradict each other', 'No program starts with such a configuration.'),
  'config-unknown-setting': warning('A setting is not known', 'It has no effect. Mostly a slip of the keyboard.'),
  'config-line-ignored': warning('A line sets nothing', 'Only lines of the form `key = value` count.'),
  'config-value': warning(
    'A value cannot be used',
    'It is replaced by what the warning says, which may not be what was meant.',
  ),
  'config-writable': error(
    'Others may change the configuration',
    'Whoever can write the file decides whom this program trusts.',
  ),
  'config-secret-readable': warning(
    'Others may read a configuration that holds a password',
    'Every user of the machine can take it.',
  ),
  'collective-unknown': warning(
    'A collective is none of this configuration',
    'Requests or registrations go where nobody listens.',
  ),
  'ttl-range': warning(
    'Requests live too shortly or too long',
    'Below five seconds slow nodes refuse them; above one hour servers cut them short.',
  ),
  'clock-implausible': error(
    'The clock of this machine is wrong',
    'No certificate, token or request is valid at such a time.',
  ),
  'environment-insecure': warning(
    'The environment turns checks off',
    'Brokers or requests are not verified while it is set.',
  ),
  'provider-unknown': error('The security provider is not known', 'The program does not start.'),
  'certificate-not-configured': error('No certificate is configured', 'Without one nobody can be proven to anybody.'),
  'key-not-configured': error('No private key is configured', 'Without one nothing can be signed.'),
  'ca-not-configured': error('No authority is configured', 'Without one nobody can be trusted.'),
  'certificate-missing': error('The certificate is not there', 'The configured file does not exist.'),
  'key-missing': error('The private key is not there', 'The configured file does not exist.'),
  'ca-missing': error('The authority is not there', 'The configured file does not exist.'),
  'certificate-unreadable': error('The certificate cannot be read', 'It is not PEM, or this user may not read it.'),
  'key-unreadable': error(
    'The private key cannot be read',
    'It is not PEM, has a passphrase, or this user may not read it.',
  ),
  'ca-unreadable': error('The authority cannot be read', 'It is not PEM, or this user may not read it.'),
  'key-mode': error('Others may read the private key', 'Whoever reads it can act as this program.'),
  'key-mismatch': error('Key and certificate do not belong together', 'TLS cannot start, and no signature would fit.'),
  'key-kind': error('The key cannot sign requests', 'Protocol version 1 signs with RSA.'),
  'key-weak': error('The key is too short', 'Servers refuse RSA keys below 2048 bits.'),
  'certificate-untrusted': error(
    'The certificate is of another authority',
    'Everybody who trusts the configured authority refuses it.',
  ),
  'certificate-expired': error('The certificate has expired', 'Nobody accepts it any more.'),
  'certificate-future': error('The certificate is not valid yet', 'Nobody accepts it yet; often a clock is wrong.'),
  'certificate-expiring': warning('The certificate ends soon', 'From then on nobody accepts it.'),
  'certificate-usage': error(
    'The certificate is not for this use',
    'Callers and nodes need clientAuth, brokers serverAuth.',
  ),
  'certificate-name': error(
    'The certificate is of another name',
    'Requests are signed in a name that the certificate does not prove, or the broker lets the node listen elsewhere only.',
  ),
  'certificate-not-caller': error(
    'Servers do not accept callers of this name',
    'The name matches no pattern of allowed callers.',
  ),
  'certificate-node-is-caller': warning(
    'A node has the name of a caller',
    'Its certificate can send requests to the whole fleet.',
  ),
  'certificate-broker-name': error(
    'The certificate does not name the broker',
    'Those who connect compare it with the name they use.',
  ),
  'ca-not-authority': error('The authority is none', 'The file holds a certificate that may not issue others.'),
  'ca-expired': error('The authority has expired', 'Nothing that it issued counts any more.'),
  'ca-expiring': warning('The authority ends soon', 'From then on nothing that it issued counts.'),
  'credential-revoked': error('The certificate or token is revoked', 'Nobody accepts it any more.'),
  'revocations-missing': warning(
    'A list of what is revoked is not there',
    'Nothing counts as revoked, and whoever was taken back is let in.',
  ),
  'revocations-unusable': error(
    'A list of what is revoked cannot be used',
    'The program does not start, or refuses every certificate: it could let in who was taken back.',
  ),
  'tls-setting-unknown': warning(
    'A cipher or curve is not known',
    'It is left out, so that fewer are allowed than was meant.',
  ),
  'caller-pattern-invalid': warning('A pattern of callers is no regular expression', 'It never matches.'),
  'token-missing': error('The token is not there', 'Without it no broker admits this program.'),
  'token-unreadable': error('The token cannot be read', 'It is no signed token, or this user may not read it.'),
  'token-expired': error('The token has expired', 'No broker admits this program any more.'),
  'token-future': error('The token is not valid yet', 'No broker admits this program yet; often a clock is wrong.'),
  'token-expiring': warning('The token ends soon', 'From then on no broker admits this program.'),
  'token-purpose': error('The token is for another use', 'Clients need client tokens, servers server tokens.'),
  'token-name': error('The token is of another identity', 'A server only starts with a token of its own name.'),
  'token-collective': error(
    'The token is not for a collective of this server',
    'The broker does not let it listen there, so that it hears no request.',
  ),
  'token-untrusted': error(
    'No trusted key signed the token',
    'Neither a configured issuer nor a trusted signer vouches for it.',
  ),
  'seed-missing': error('The seed is not there', 'Without it nothing can be signed.'),
  'seed-unreadable': error('The seed cannot be read', 'A seed is 64 hexadecimal digits and nothing else.'),
  'seed-mode': error('Others may read the seed', 'Whoever reads it can act as this program.'),
  'seed-mismatch': error(
    'Seed and token do not belong together',
    'The broker asks for a signature that this seed cannot give.',
  ),
  'issuer-missing': error('An issuer has no public key', 'The program does not start.'),
  'issuer-invalid': error('The key of an issuer or signer is none', 'An ed25519 key is 64 hexadecimal digits.'),
  'issuer-conflict': error('Issuers and signers are both configured', 'A program trusts either the one or the other.'),
  'trust-missing': error('Nobody is trusted to issue tokens', 'The server can judge no request.'),
  'broker-default': warning('No broker is configured', 'The name `puppet` is tried, which most networks do not have.'),
  'broker-address': error('The address of a broker cannot be understood', 'The program does not start.'),
  'srv-missing': warning('DNS names no broker', 'No SRV record was found; the name `puppet` is tried.'),
  'name-unresolved': error('The name of a broker is not known', 'DNS has no address for it.'),
  'port-refused': error('Nobody listens on the port of a broker', 'The broker is not running, or listens elsewhere.'),
  'port-unreachable': error('A broker does not answer', 'A firewall drops the packets, or the machine is away.'),
  'broker-protocol': error('What listens there is no broker', 'It does not greet as one.'),
  'tls-not-offered': error('The broker does not offer TLS', 'Nothing would be encrypted, so nothing is sent.'),
  'tls-broker-untrusted': error(
    'The certificate of the broker is not trusted',
    'It is of another authority than the configured one.',
  ),
  'tls-broker-name': error('The broker has a certificate of another name', 'It may be somebody else.'),
  'tls-broker-expired': error('The certificate of the broker has expired', 'Nobody connects to it any more.'),
  'tls-handshake': error(
    'The TLS handshake fails',
    'The two sides agree on no version, or the broker refuses our certificate.',
  ),
  'authentication-refused': error(
    'The broker refuses this program',
    'It does not accept the certificate, token, user or password.',
  ),
  'permission-refused': error('The broker does not let this program listen', 'Requests or replies would never arrive.'),
  'clock-skew': error('The clocks here and at the broker differ', 'Requests arrive before they were sent, or too old.'),
  'facts-missing': warning('A file of facts is not there', 'Filters on facts do not match this node.'),
  'facts-unreadable': error('Facts cannot be read', 'Filters on facts do not match this node.'),
  'classes-missing': warning('The file of classes is not there', 'Filters on classes do not match this node.'),
  'audit-nowhere': error('Auditing is on but goes nowhere', 'No file is configured, so that nothing is recorded.'),
  'audit-unwritable': error('The audit log cannot be written', 'Nothing runs on this node until it can.'),
  'audit-mode': warning('The mode of the audit log is none', '0600 is used.'),
  'state-unwritable': error(
    'The state directory cannot be written',
    'The server does not start, or runs nothing: it could run a request twice.',
  ),
  'log-unwritable': error('The log cannot be written', 'The program does not start.'),
  'disk-full': error('A disk is full', 'Nothing that must be on disk first can be done.'),
  'status-unwritable': warning('The status file cannot be written', 'Monitoring sees an old state.'),
  'libdir-missing': warning('A library directory is not there', 'Agents and descriptions in it are not found.'),
  'ddl-broken': warning('The description of an agent is broken', 'The agent cannot be used.'),
  'ddl-missing': warning('An agent has no description', 'Nodes do not load it, and clients do not know its actions.'),
  'agent-program-missing': warning('The program of an agent is not there', 'The agent is described but cannot run.'),
  'agent-not-executable': warning('The program of an agent may not be executed', 'Every request to it fails.'),
  'authorization-off': warning('Every caller may do everything', 'Requests are not authorised at all.'),
  'authorization-provider': error('The authorisation plugin is not known', 'Every request is denied.'),
  'policy-none': warning('There is no policy', 'Every request is denied.'),
  'policy-default-missing': warning(
    'The default policy is not there',
    'Agents without a policy of their own are denied.',
  ),
  'policy-unreadable': error('A policy cannot be read', 'Every request to its agents is denied.'),
  'policy-line': warning('A line of a policy does not do what it seems to', 'It is skipped, or never applies.'),
  'policy-deny-lost': error(
    'A line that should deny does not',
    'Who it was written against is judged by the other lines and the default, which may allow.',
  ),
  'policy-rego': error('A Rego policy cannot be used', 'Every request to its agents is denied.'),
  'opa-missing': error(
    'Rego policies cannot be compiled',
    'Every request to agents whose policies are not compiled already is denied.',
  ),
  'policy-group': warning('A line of the groups of callers cannot be used', 'Its members are not in the group.'),
  'policy-open': warning('Agents without a policy are open', 'Every caller may use them.'),
  'policy-writable': error('Others may change a policy', 'Whoever can write it decides who may do what.'),
  'broker-setting': error('The broker cannot do what a setting asks for', 'It does not start.'),
  'broker-open': warning('Every certificate may do everything at the broker', 'A stolen node can command the fleet.'),
  'broker-password-empty': error('The system user has no password', 'Whoever knows its name sees everything.'),
  'port-taken': error('Another program listens on the port of the broker', 'The broker does not start.'),
  'port-privileged': error('The port of the broker is for root only', 'The broker does not start.'),
  'listen-address': error('The broker cannot listen on its address', 'This machine does not have it.'),
  'kernel-backlog': warning(
    'The kernel lets few connections wait',
    'When the fleet comes back at once, connections are lost and tried again.',
  ),
  'kernel-syn-backlog': warning(
    'The kernel lets few half-open connections wait',
    'When the fleet comes back at once, connections are lost and tried again.',
  ),
  'open-files': warning('The broker may open few files', 'Each connection needs one.'),
} as const satisfies Readonly<Record<string, FindingKind>>;

export type FindingCode = keyof typeof findingKinds;

export const referencePage = 'docs/reference/doctor.md';
