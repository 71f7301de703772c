/** Decisions of a server's Rego policies, and whether they are told as errors; the sentences are each program's own. */
import {createAuthorizer, type RegoEngine} from '../../../../src/authz/index.ts';
import {loadConfig} from '../../../../src/config/index.ts';
import {createFakePlatform} from '../../../support/fake-platform.ts';
import {createRecordingLogger} from '../../../support/recording-logger.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';
import {createJudgeEngine} from './_rego.ts';

interface RegoCase {
  readonly name: string;
  readonly allowed: boolean;
  readonly log: readonly string[];
  readonly facts: string | null;
  readonly classes: readonly string[] | null;
  readonly agents: readonly string[] | null;
  readonly provision_mode: boolean;
  readonly rego_dir: Readonly<Record<string, string>> | null;
  readonly settings?: Readonly<Record<string, string>> | null;
  readonly request: {
    readonly agent: string;
    readonly action: string;
    readonly callerid: string;
    readonly collective: string;
    readonly data: string;
    readonly time: string;
    readonly ttl: number;
  };
}

const configPath = '/etc/choria/server.conf';

const judge: Judge = async ({data}) => {
  const engine = createJudgeEngine();
  try {
    const results: CaseResult[] = [];
    for (const item of (data as {readonly cases: readonly RegoCase[]}).cases)
      results.push(await judgeCase(item, engine));
    return results;
  } finally {
    await engine.close();
  }
};

async function judgeCase(item: RegoCase, engine: RegoEngine): Promise<CaseResult> {
  const settings = {rpcauthprovider: 'rego_policy', ...item.settings};
  const policies = Object.entries(item.rego_dir ?? {}).map(([name, text]) => [
    `/etc/choria/policies/rego/${name}`,
    text,
  ]);
  const {platform} = createFakePlatform({
    files: {
      [configPath]: Object.entries(settings)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join(''),
      ...(Object.fromEntries(policies) as Record<string, string>),
    },
  });
  const logger = createRecordingLogger();
  const config = await loadConfig({platform, mode: 'server', path: configPath});
  const authorizer = await createAuthorizer(config, {platform, logger, engine});
  const {request} = item;
  const verdict = await authorizer?.authorize(
    {
      agent: request.agent,
      action: request.action,
      callerId: request.callerid,
      requestId: '0123456789abcdef0123456789abcdef',
      collective: request.collective,
      ttlSeconds: request.ttl,
      sentAtMs: Date.parse(request.time),
      rawData: readData(request.data),
    },
    {
      factsJson: async () => Buffer.from(item.facts ?? ''),
      classes: async () => item.classes ?? [],
      agents: () => (item.agents ?? []).map((name) => ({name})),
      provisioning: item.provision_mode,
    },
  );
  const levels = logger.lines.map(({level}) => level as string).filter((level) => level !== 'debug');
  return judgeEqual(
    item.name,
    {allowed: item.allowed, log: item.log.map((line) => line.slice(0, line.indexOf(':'))).toSorted()},
    {allowed: verdict?.allowed ?? true, log: levels.toSorted()},
  );
}

/** The data stands as text in the vectors, and may be no JSON at all. */
function readData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export default judge;
