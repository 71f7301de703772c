/** The operator's helper of a simulated provisioner: gives each machine what it becomes, and is as bad a program as real ones are. */
import type {ProcessRequest, ProcessResult} from '../lib/platform.ts';
import type {Organisation} from './organisation.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

export const newcomerConfigPath = '/etc/choria/server.conf';
export const newcomerTokenPath = '/etc/choria/provisioning.jwt';
const sslDirectory = '/etc/choria/ssl';
/** How often the helper does something else than its work. */
const badChance = 0.25;

export interface HelperOptions {
  readonly timeline: Timeline;
  readonly random: SimRandom;
  readonly organisation: Organisation;
  /** Settings that every node has. */
  readonly settings: (identity: string) => readonly string[];
  readonly policies: Readonly<Record<string, string>>;
  /** Names of all machines that are provisioned. */
  readonly names: readonly string[];
  readonly onBad: (text: string) => void;
}

export interface Helper {
  /** Certificates are made before simulated time begins. */
  prepare(): Promise<void>;
  run(request: ProcessRequest): Promise<ProcessResult>;
}

export function createHelper(options: HelperOptions): Helper {
  const {timeline, random, organisation, names} = options;
  const answers = new Map<string, string>();
  const ended = (stdout: string, change: Partial<ProcessResult> = {}): ProcessResult => ({
    exitCode: 0,
    signalName: null,
    timedOut: false,
    stdout: Buffer.from(stdout),
    stderr: Buffer.alloc(0),
    droppedBytes: 0,
    ...change,
  });
  const bad = async (identity: string, request: ProcessRequest): Promise<ProcessResult> => {
    const kind = random.pick(['hangs', 'garbage', 'fails', 'defers', 'nothing']);
    options.onBad(`${identity}: ${kind}`);
    if (kind === 'hangs') {
      await timeline.sleep(request.timeoutMs);
      return ended('', {exitCode: null, signalName: 'SIGKILL', timedOut: true});
    }
    if (kind === 'garbage') return ended('{"configuration":{"identity":');
    if (kind === 'fails') return ended('', {exitCode: 1});
    if (kind === 'defers') return ended('{"defer":true,"msg":"later"}');
    return ended('{"configuration":{}}');
  };
  return {
    async prepare() {
      for (const name of names) answers.set(name, JSON.stringify(await answerFor(name, options)));
    },
    async run(request) {
      const {identity} = JSON.parse(Buffer.from(request.input ?? []).toString('utf8')) as {readonly identity: string};
      await timeline.sleep(random.integer(20, 400));
      if (random.chance(badChance)) return bad(identity, request);
      return ended(answers.get(identity) ?? '{"defer":true,"msg":"who is that"}');
    },
  };

  async function answerFor(name: string, {settings, policies}: HelperOptions): Promise<unknown> {
    const hasTokens = organisation.security === 'tokens';
    const certificate = hasTokens ? undefined : await organisation.nodeCertificate(name);
    const security = hasTokens
      ? [
          'plugin.security.provider = choria',
          'plugin.security.choria.token_file = /etc/choria/server.jwt',
          'plugin.security.choria.seed_file = /etc/choria/server.seed',
          `plugin.security.choria.ca = ${sslDirectory}/ca.pem`,
          ...organisation.issuerSettings(),
        ]
      : [
          'plugin.security.provider = file',
          `plugin.security.file.certificate = ${sslDirectory}/certificate.pem`,
          `plugin.security.file.key = ${sslDirectory}/private.pem`,
          `plugin.security.file.ca = ${sslDirectory}/ca.pem`,
        ];
    return {
      configuration: Object.fromEntries(
        ['plugin.choria.server.provision = 0', ...settings(name), ...security].map((line) => {
          const [key = '', ...value] = line.split(' = ');
          return [key, value.join(' = ')];
        }),
      ),
      action_policies: Object.fromEntries(
        Object.entries(policies).map(([agent, policy]) => [`${agent}.policy`, policy]),
      ),
      server_claims: {collectives: ['mcollective'], permissions: {submission: true}, ou: 'choria'},
      ...(certificate === undefined
        ? {}
        : {
            certificate: certificate.certificatePem,
            key: certificate.keyPem,
            ca: organisation.authorityPem,
            ssldir: sslDirectory,
          }),
    };
  }
}
