/**
 * The policies a node starts with: nobody may do anything, operators everything, readers only look.
 *
 * Who is an operator or a reader stands in one file, `groups`, so that a new user changes one file on each node.
 */
import {join} from 'node:path';
import {publicMode} from './layout.ts';
import type {PlannedFile, Role} from './types.ts';

export interface RoleMember {
  /** Such as `choria=rip.mcollective` or `up=rip`. */
  readonly callerId: string;
  readonly role: Role;
}

/** Actions that change nothing, of the agents that every node has. */
const readActions: Readonly<Record<string, readonly string[]>> = {
  rpcutil: [
    'agent_inventory',
    'collective_info',
    'daemon_stats',
    'get_config_item',
    'get_data',
    'get_fact',
    'get_facts',
    'inventory',
    'ping',
  ],
  choria_util: ['info', 'machine_states', 'machine_state'],
  scout: ['checks'],
};

const header = '# Written by choria init. The first line that fits decides.\n';

function policyText(actions: readonly string[], who = {operators: 'operators', readers: 'readers'}): string {
  const all = who.operators === '' ? '' : `allow\t${who.operators}\t*\t*\t*\n`;
  const some = actions.length === 0 || who.readers === '' ? '' : `allow\t${who.readers}\t${actions.join(' ')}\t*\t*\n`;
  return `${header}policy default deny\n${all}${some}`;
}

/** The same without groups, by file name: for nodes that are sent policies and nothing else. */
export function policiesByCaller(members: readonly RoleMember[]): Readonly<Record<string, string>> {
  const callers = (role: Role): string =>
    [...new Set(members.filter((member) => member.role === role).map((member) => member.callerId))].sort().join(' ');
  const who = {operators: callers('operator'), readers: callers('reader')};
  return Object.fromEntries([
    ['default.policy', policyText([], who)],
    ...Object.entries(readActions).map(([agent, actions]) => [`${agent}.policy`, policyText(actions, who)]),
  ]) as Readonly<Record<string, string>>;
}

/** Members sorted, so that the same users always give the same bytes. */
export function groupsText(members: readonly RoleMember[]): string {
  const line = (group: string, role: Role): string => {
    const names = members.filter((member) => member.role === role).map((member) => member.callerId);
    return names.length === 0 ? `# ${group}: nobody\n` : `${[group, ...new Set(names.sort())].join(' ')}\n`;
  };
  return `# Who is what in the policies beside this file. Written by choria init.\n${line('operators', 'operator')}${line('readers', 'reader')}`;
}

export const groupsPath = join('policies', 'groups');

export function planPolicies(members: readonly RoleMember[]): readonly PlannedFile[] {
  return [
    {path: groupsPath, text: groupsText(members), mode: publicMode},
    {path: join('policies', 'default.policy'), text: policyText([]), mode: publicMode},
    ...Object.entries(readActions).map(([agent, actions]) => ({
      path: join('policies', `${agent}.policy`),
      text: policyText(actions),
      mode: publicMode,
    })),
  ];
}
