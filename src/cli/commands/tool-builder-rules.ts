/** What makes a definition of Application Builder valid, command by command (kinds: exec, parent, kv, rpc, discover). */
import {definitionDepthMax} from '../limits.ts';

/** Keys as written; every value is looked at before it is used. */
export type Definition = Readonly<Record<string, unknown>>;

const versionPattern = /^v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const helpTemplates: readonly string[] = ['', 'short', 'long', 'compact', 'default'];
const inputTypes: readonly string[] = ['', 'string', 'bool', 'int', 'float', 'duration', 'file', 'dir', 'url', 'ip'];

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

function list(value: unknown): readonly Definition[] {
  return Array.isArray(value)
    ? value.map((item: unknown) => (item !== null && typeof item === 'object' ? (item as Definition) : {}))
    : [];
}

/** Every problem, with the way to the command that has it; none when the definition is valid. */
export function definitionProblems(definition: Definition): readonly string[] {
  const own = [
    ...missing(definition, ['name', 'description', 'author']),
    ...(versionPattern.test(text(definition['version'])) ? [] : ['version is required to be a valid semver']),
    ...(list(definition['commands']).length === 0 ? ['no commands defined'] : []),
    ...(helpTemplates.includes(text(definition['help_template']).toLowerCase())
      ? []
      : ['help_template must be one of long, short, compact, default or unset']),
  ];
  const shown = own.length === 0 ? [] : [`invalid definition: application: ${own.join(', ')}`];
  return [...shown, ...list(definition['commands']).flatMap((command) => commandProblems(command, ['root']))];
}

function missing(definition: Definition, keys: readonly string[]): readonly string[] {
  return keys.filter((key) => text(definition[key]) === '').map((key) => `${key} is required`);
}

function commandProblems(command: Definition, path: readonly string[]): readonly string[] {
  const kind = text(command['type']);
  const here = [...path, `${text(command['name'])} (${kind === '' ? 'no type' : kind})`];
  if (path.length > definitionDepthMax)
    return [`${path.slice(0, 3).join(' -> ')}: more than ${definitionDepthMax} deep`];
  const check = kindChecks.get(kind);
  const own =
    check === undefined
      ? [
          kind === ''
            ? 'command type is required'
            : `unknown command type "${kind}", expected ${[...kindChecks.keys()].join(', ')}`,
        ]
      : [...commonProblems(command), ...check(command)];
  const shown = own.length === 0 ? [] : [`${here.join(' -> ')}: ${own.join(', ')}`];
  return [...shown, ...list(command['commands']).flatMap((inner) => commandProblems(inner, here))];
}

function commonProblems(command: Definition): readonly string[] {
  const cheat = command['cheat'];
  const hasBody = cheat === undefined || text((cheat as Definition | null)?.['cheat']) !== '';
  return [
    ...missing(command, ['name', 'description']),
    ...(hasBody ? [] : ['cheats require a body']),
    ...list(command['arguments']).flatMap((item) => inputProblems('argument', item)),
    ...list(command['flags']).flatMap((item) => inputProblems('flag', item)),
  ];
}

function inputProblems(what: 'argument' | 'flag', input: Definition): readonly string[] {
  const name = text(input['name']);
  const type = text(input['type']);
  const hasEnum = Array.isArray(input['enum']) && input['enum'].length > 0;
  return [
    ...(name === '' ? [`${what} name is required`] : []),
    ...(text(input['short']).length > 1 ? [`short flag for ${name} must be 1 character`] : []),
    ...(inputTypes.includes(type) ? [] : [`unknown type "${type}" of ${what} ${name}`]),
    ...(hasEnum && (type !== '' || input['bool'] === true)
      ? [`${what} ${name} cannot have both a type and an enum`]
      : []),
  ];
}

const kindChecks: ReadonlyMap<string, (command: Definition) => readonly string[]> = new Map([
  [
    'exec',
    (command: Definition) => {
      const [has, hasScript] = [text(command['command']) !== '', text(command['script']) !== ''];
      const steps = (command['backoff'] as Definition | undefined)?.['steps'];
      return [
        ...(has || hasScript ? [] : ['a command or script is required']),
        ...(has && hasScript ? ['only one of command or script is allowed'] : []),
        ...(typeof steps === 'number' && steps < 2 ? [`invalid backoff policy steps: '${steps}'`] : []),
      ];
    },
  ],
  [
    'parent',
    (command: Definition) => [
      ...(['flags', 'arguments', 'secrets'] as const).flatMap((key) =>
        list(command[key]).length > 0 ? [`parent commands can not have ${key}`] : [],
      ),
      ...(list(command['commands']).length === 0 && text(command['include_file']) === ''
        ? ['parent requires sub commands']
        : []),
      ...(text(command['confirm_prompt']) === '' ? [] : ['parents do not accept confirm prompts']),
    ],
  ],
  [
    'kv',
    (command: Definition) => {
      const action = text(command['action']);
      return [
        ...missing(command, ['bucket', 'key']),
        ...(action === 'put' && text(command['value']) === '' ? ['value is required for put operations'] : []),
        ...(['put', 'get', 'history', 'del'].includes(action) ? [] : [`invalid action "${action}"`]),
      ];
    },
  ],
  ['rpc', (command: Definition) => missing((command['request'] ?? {}) as Definition, ['agent', 'action'])],
  ['discover', () => []],
]);
