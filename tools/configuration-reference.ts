/** Makes `docs/reference/configuration.md` from the registry of settings. */
import {type ConfigKey, configKeys, keySpec, type KeySpec, standardConfigKeys} from '../src/config/index.ts';

const users: Readonly<Record<string, string>> = {
  all: 'every program',
  server: 'servers',
  client: 'clients',
  broker: 'brokers',
  ruby: 'Ruby plugins',
};

const typeNotes: readonly (readonly [string, string])[] = [
  ['string', 'text as it stands'],
  ['title_string', 'text whose first letter is made a capital'],
  ['path_string', 'a path; a leading `~` is the home directory'],
  ['integer', 'a whole number'],
  [
    'boolean',
    '`true`, `yes`, `y`, `t`, `1` or `false`, `no`, `n`, `f`, `0`, in any case; every other word counts as false',
  ],
  ['duration', 'such as `30s`, `5m`, `1h30m`, `2d`, `1w`, `1M`, `1y`; a bare number is seconds'],
  ['comma_split', 'items between commas; a later line replaces the list'],
  ['path_split', 'items between colons (semicolons on Windows); a later line adds to the list'],
  ['colon_split', 'items between colons; a later line adds to the list'],
  ['strings', 'one item; a later line adds another'],
];

function facts(spec: KeySpec): readonly string[] {
  return [
    `Type: \`${spec.type}\``,
    ...(spec.default === undefined || spec.default === '' ? [] : [`Default: \`${spec.default}\``]),
    ...(spec.allowed ? [`One of: ${spec.allowed.map((word) => `\`${word}\``).join(', ')}`] : []),
    ...(spec.environment === undefined ? [] : [environmentFact(spec)]),
    `Used by: ${spec.usedBy.map((user) => users[user] ?? user).join(', ')}`,
    ...(spec.secret === true ? ['Secret: masked wherever settings are shown'] : []),
    ...(spec.deprecated === true ? ['Deprecated'] : []),
    ...(spec.url === undefined ? [] : [`More: <${spec.url}>`]),
  ];
}

/** Variables of keys without default are looked at only when a file names the key. */
function environmentFact(spec: KeySpec): string {
  const when = spec.default === undefined ? ', when a file names the setting' : '';
  return `Environment: \`${spec.environment}\` replaces the file's value${when}`;
}

function section(key: ConfigKey): string {
  const spec = keySpec(key);
  return `### ${key}\n\n${spec.doc}\n\n${facts(spec)
    .map((fact) => `- ${fact}\n`)
    .join('')}\n`;
}

export function configurationReference(): string {
  const own = configKeys.filter((key) => !standardConfigKeys.includes(key));
  const types = typeNotes.map(([name, note]) => `| \`${name}\` | ${note} |\n`).join('');
  const text = [
    '# Configuration\n\n',
    'Generated from the registry in `src/config` by `npm run generate`; do not edit.\n\n',
    'A configuration file holds lines of `key = value`. Lines that start with `#` are comments; there are no comments behind a value, ',
    'no quotes, no sections and no continued lines. `choria tool config` shows the settings in force, `choria tool config PATTERN` ',
    'describes those whose name matches.\n\n',
    '| Type | Form |\n| --- | --- |\n',
    types,
    '\n## Settings shared with other Choria programs\n\n',
    ...standardConfigKeys.map(section),
    '## Settings of this program alone\n\n',
    'Other Choria programs ignore these.\n\n',
    ...own.map(section),
  ].join('');
  return `${text.trimEnd()}\n`;
}
