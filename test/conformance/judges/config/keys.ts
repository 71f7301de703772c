import {keySpec, standardConfigKeys, type ConfigKey} from '../../../../src/config/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';

interface VectorKey {
  readonly key: string;
  readonly kind: string;
  readonly type: string;
  readonly default: string | null;
  readonly validation: string | null;
  readonly environment: string | null;
  readonly deprecated: boolean;
  readonly used_by: readonly string[];
  readonly url: string | null;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'string',
  title_string: 'string',
  path_string: 'string',
  integer: 'integer',
  boolean: 'boolean',
  duration: 'duration',
};

function describe(key: ConfigKey): VectorKey {
  const spec = keySpec(key);
  return {
    key,
    kind: kinds[spec.type] ?? 'strings',
    type: spec.type,
    default: spec.default ?? null,
    validation: spec.allowed ? `enum=${spec.allowed.join(',')}` : null,
    environment: spec.environment ?? null,
    deprecated: spec.deprecated ?? false,
    used_by: spec.usedBy,
    url: spec.url ?? null,
  };
}

const judge: Judge = async ({data}) => {
  const {keys} = data as {keys: readonly VectorKey[]};
  const known = new Map<string, ConfigKey>(standardConfigKeys.map((key) => [key, key]));
  const cases = keys.map((wanted) => {
    const key = known.get(wanted.key);
    const got = key && describe(key);
    // The vectors' own remarks on a key are not compared.
    const fields = (item: VectorKey): unknown => ({
      key: item.key,
      kind: item.kind,
      type: item.type,
      default: item.default,
      validation: item.validation,
      environment: item.environment,
      deprecated: item.deprecated,
      used_by: item.used_by,
      url: item.url,
    });
    return judgeEqual(wanted.key, fields(wanted), got && fields(got));
  });
  return [...cases, judgeEqual('(exactly these keys)', keys.map((item) => item.key).sort(), standardConfigKeys)];
};

export default judge;
