/** Makes `docs/reference/doctor.md` from the table of findings. */
import {type FindingKind, findingKinds} from '../src/doctor/index.ts';

export function doctorReference(): string {
  const kinds: readonly (readonly [string, FindingKind])[] = Object.entries(findingKinds);
  const sections = kinds.map(
    ([code, {severity, title, meaning}]) =>
      `<a id="${code}"></a>\n\n### ${code}\n\n${severity === 'error' ? 'Error' : 'Warning'}: ${title}. ${meaning}\n`,
  );
  return [
    '# Findings of choria doctor\n\n',
    'Generated from `src/doctor/kinds.ts` by `npm run generate`; do not edit.\n\n',
    '`choria doctor --config FILE` looks at the configuration of a client, a server or a broker and at everything that it names: files and their modes, ',
    'certificates, tokens, policies, agents, the way to the brokers, the kernel. Each finding has one of the codes below, what was seen, and a command or a line of ',
    'configuration that mends it. It changes nothing; to see whether a directory can be written it makes a file there and removes it.\n\n',
    'Exit codes: 0 nothing was found, 1 warnings only, 2 at least one error.\n\n',
    sections.join('\n'),
  ].join('');
}
