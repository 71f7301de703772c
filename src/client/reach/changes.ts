/**
 * Whether an action may change something on a node, for deciding whether a person is asked first.
 *
 * Descriptions say nothing of it, so the rule is ours (docs/guides/safe-reach.md): what is not known to read may change.
 */
import type {ActionDdl, AgentDdl} from '../../ddl/types.ts';
import {isJsonObject, jsonField} from '../../lib/json.ts';

/** Agents that come with every server, all of whose actions only read. */
const readingAgents: ReadonlySet<string> = new Set(['discovery', 'rpcutil', 'choria_util']);

/** First words of names such as `get_fact`, `status`, `list_users`. */
const readingWord =
  /^(?:get|list|show|status|info|find|search|read|query|count|ping|inventory|stats|describe|summary|version|facts)(?:_|$)/;

/**
 * A description may say it for an action: `"changes": false` or `true`. Else the agents above read, and actions whose names begin with a
 * word of reading do; everything else may change.
 */
export function mayChange(ddl: AgentDdl, action: ActionDdl): boolean {
  const said = saidInDescription(ddl, action.name);
  if (said !== undefined) return said;
  return !readingAgents.has(ddl.metadata.name) && !readingWord.test(action.name);
}

function saidInDescription(ddl: AgentDdl, name: string): boolean | undefined {
  const actions = jsonField(ddl.document, 'actions');
  if (!Array.isArray(actions)) return undefined;
  for (const item of actions) {
    if (!isJsonObject(item) || jsonField(item, 'action') !== name) continue;
    const changes = jsonField(item, 'changes');
    if (typeof changes === 'boolean') return changes;
  }
  return undefined;
}
