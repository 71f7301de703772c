/** Decisions of action policies, and the levels of what is logged about them; the sentences are each program's own. */
import {createAuthorizer} from '../../../../src/authz/index.ts';
import {loadConfig} from '../../../../src/config/index.ts';
import {createClassSource} from '../../../../src/server/classes.ts';
import {createFactSource} from '../../../../src/server/facts.ts';
import {createFakePlatform} from '../../../support/fake-platform.ts';
import {createRecordingLogger} from '../../../support/recording-logger.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface PolicyCase {
  readonly name: string;
  readonly allowed: boolean;
  readonly log: readonly string[];
  readonly facts: unknown;
  readonly facts_file_text?: string;
  readonly classes: readonly string[] | null;
  readonly policies_dir: Readonly<Record<string, string>> | null;
  readonly request: {readonly agent: string; readonly action: string; readonly callerid: string};
  readonly settings: Readonly<Record<string, string>> | null;
}

const configPath = '/etc/choria/server.conf';

const judge: Judge = async ({data}) => {
  const results: CaseResult[] = [];
  for (const item of (data as {readonly cases: readonly PolicyCase[]}).cases) results.push(await judgeCase(item));
  return results;
};

async function judgeCase(item: PolicyCase): Promise<CaseResult> {
  const settings = Object.entries(item.settings ?? {}).map(([key, value]) => `${key} = ${value}\n`);
  const factsText = item.facts_file_text ?? (item.facts === null ? undefined : JSON.stringify(item.facts));
  const policies = Object.entries(item.policies_dir ?? {}).map(([name, text]) => [
    `/etc/choria/policies/${name}`,
    text,
  ]);
  const {platform} = createFakePlatform({
    files: {
      [configPath]: settings.join(''),
      '/etc/choria/classes.txt': (item.classes ?? []).map((name) => `${name}\n`).join(''),
      ...(factsText !== undefined && {'/etc/choria/facts.json': factsText}),
      ...(Object.fromEntries(policies) as Record<string, string>),
    },
  });
  const logger = createRecordingLogger();
  const loaded = await loadConfig({platform, mode: 'server', path: configPath});
  const config = loaded.with({classesfile: item.classes === null ? '' : '/etc/choria/classes.txt'});
  const facts = createFactSource({
    files: platform.files,
    paths: factsText === undefined ? [] : ['/etc/choria/facts.json'],
    logger,
  });
  const classes = createClassSource({files: platform.files, path: config.get('classesfile'), logger});
  const authorizer = await createAuthorizer(config, {platform, logger});
  const {agent, action, callerid} = item.request;
  const verdict = await authorizer?.authorize(
    {agent, action, callerId: callerid, requestId: '0123456789abcdef0123456789abcdef'},
    {factsJson: () => facts.json(), classes: () => classes.list()},
  );
  const expectedLevels = item.log.map((line) => line.slice(0, line.indexOf(':')).replace('warning', 'warn'));
  // Warnings about traps are ours alone: ours may warn where the reference says nothing, and has to where it does.
  let surplus =
    logger.lines.filter(({level}) => level === 'warn').length -
    expectedLevels.filter((level) => level === 'warn').length;
  const got = logger.lines.map(({level}) => level as string).filter((level) => level !== 'warn' || surplus-- <= 0);
  return judgeEqual(
    item.name,
    {allowed: item.allowed, log: expectedLevels.toSorted()},
    {allowed: verdict?.allowed ?? true, log: got.toSorted()},
  );
}

export default judge;
