/** The `groups` file beside the policies: `name member member ...`. Members are literal, groups do not nest. */
import {isComment, linesOf, type PolicyWarning} from './policy-text.ts';

export interface Groups {
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
  readonly problems: readonly Pick<PolicyWarning, 'line' | 'message'>[];
}

export const noGroups: Groups = {members: new Map(), problems: []};

export function parseGroups(text: string, path: string): Groups {
  const members = new Map<string, ReadonlySet<string>>();
  const problems: Pick<PolicyWarning, 'line' | 'message'>[] = [];
  for (const {line, text: content} of linesOf(text)) {
    if (isComment(content)) continue;
    const [name = '', ...names] = content.split(' ');
    if (names.length === 0) problems.push({line, message: `invalid group line in ${path}: ${content}`});
    else if (!/^[0-9A-Za-z_.-]+$/.test(name)) problems.push({line, message: `invalid group name in ${path}: ${name}`});
    else members.set(name, new Set(names.filter((member) => member !== '')));
  }
  return {members, problems};
}
