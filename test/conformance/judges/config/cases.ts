import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {type Config, type ConfigMode, configFromEntries, loadConfig} from '../../../../src/config/index.ts';
import {errorMessage} from '../../../../src/lib/errors.ts';
import {canonical, judgeEqual, type CaseResult, type Judge} from '../../judge.ts';
import {readVector} from './_read.ts';
import {createScratch, platformIn, type Scratch} from './_scratch.ts';
import {vectorValues} from './_values.ts';

interface ConfigCase {
  readonly name: string;
  readonly mode: ConfigMode;
  readonly cwd: string;
  readonly config: string;
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly expect: Expectation;
}

interface Expectation {
  readonly error?: string;
  readonly crash?: string;
  readonly values?: Readonly<Record<string, unknown>>;
  readonly raw?: Readonly<Record<string, string>>;
  readonly parsed_files?: readonly string[];
  readonly config_file?: string;
  readonly disable_tls_verify?: boolean;
  readonly disable_security_provider_verify?: boolean;
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  const vector = readVector(vectorsDirectory, 'config/defaults.json') as {values: Record<string, unknown>} | undefined;
  const defaults = vector?.values ?? (await ownDefaults());
  for (const item of (data as {cases: readonly ConfigCase[]}).cases) yield await judgeCase(item, defaults);
} as Judge;

/** For a folder without `defaults.json`: there the cases can tell only what a setting changes. */
async function ownDefaults(): Promise<Record<string, unknown>> {
  const platform = platformIn('/', {PATH: ''});
  return vectorValues(await configFromEntries({identity: 'node1.example.net'}, {platform, mode: 'system'}));
}

async function judgeCase(item: ConfigCase, defaults: Readonly<Record<string, unknown>>): Promise<CaseResult> {
  const scratch = createScratch(item.files);
  try {
    const cwd = join(scratch.root, item.cwd);
    mkdirSync(cwd, {recursive: true});
    const env = {PATH: process.env['PATH'] ?? '', ...scratch.withRoot(item.env)};
    const loaded = await loadConfig({
      platform: platformIn(cwd, env),
      mode: item.mode,
      path: scratch.withRoot(item.config),
    }).catch((error: unknown) => errorMessage(error));
    if (item.expect.crash !== undefined) {
      return judgeEqual(item.name, 'an error', typeof loaded === 'string' ? 'an error' : 'a configuration');
    }
    if (typeof loaded === 'string' || item.expect.error !== undefined) {
      const got = typeof loaded === 'string' ? loaded : 'a configuration';
      return judgeEqual(item.name, item.expect.error ?? 'a configuration', scratch.withoutRoot(got));
    }
    return judgeEqual(item.name, complete(item.expect), describe(loaded, {scratch, item, defaults}));
  } finally {
    scratch.remove();
  }
}

function complete(expect: Expectation): unknown {
  return {disable_tls_verify: false, disable_security_provider_verify: false, ...expect};
}

function describe(
  config: Config,
  options: {
    readonly scratch: Scratch;
    readonly item: ConfigCase;
    readonly defaults: Readonly<Record<string, unknown>>;
  },
): unknown {
  const {scratch, item, defaults} = options;
  const described = {
    values: differing(vectorValues(config), {item, defaults}),
    raw: Object.fromEntries(config.rawEntries()),
    parsed_files: config.parsedFiles,
    config_file: config.path,
    disable_tls_verify: config.disableTlsVerify,
    disable_security_provider_verify: config.disableSecurityVerify,
  };
  return JSON.parse(scratch.withoutRoot(JSON.stringify(described)));
}

/** An identity that no file gives comes from the host and is not compared. */
function differing(
  values: Readonly<Record<string, unknown>>,
  options: {readonly item: ConfigCase; readonly defaults: Readonly<Record<string, unknown>>},
): Record<string, unknown> {
  const {item, defaults} = options;
  const fromHost = item.expect.raw?.['identity'] === undefined && item.expect.values?.['identity'] === undefined;
  return Object.fromEntries(
    Object.entries(values).filter(
      ([key, value]) => canonical(value) !== canonical(defaults[key]) && !(key === 'identity' && fromHost),
    ),
  );
}

export default judge;
