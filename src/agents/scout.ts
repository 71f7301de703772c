/** `scout`: checks of a node. Vectors: `agents/rpc.json`. */
import {ActionFailure, decodeInputs} from '../rpc/index.ts';
import type {RpcAction} from '../rpc/index.ts';
import type {Agent, NodeContext} from '../rpc/types.ts';
import {builtinAgent, ok} from './builtin.ts';
import {gossValidate} from './goss.ts';

export function createScoutAgent(version: string): Agent {
  return builtinAgent({
    name: 'scout',
    version,
    timeoutSeconds: 20,
    shouldActivate: async (node) => !node.provisioning && !node.config.get('plugin.scout.agent_disabled'),
    actions: {
      checks: async (_request, {node}) => ok({checks: checksOf(node)}),
      trigger: transition('FORCE_CHECK', 'TriggerRequest'),
      maintenance: transition('MAINTENANCE', 'MaintenanceRequest'),
      resume: transition('RESUME', 'ResumeRequest'),
      goss_validate: gossValidate,
    },
  });
}

function checksOf(node: NodeContext): readonly unknown[] {
  return node.machines().filter((machine) => {
    return typeof machine === 'object' && machine !== null && (machine as {scout?: unknown}).scout === true;
  });
}

/** Checks named are driven, all when none is named; one that is not there has failed. */
function transition(event: string, type: string): RpcAction {
  return async (request, {node}) => {
    const {checks} = decodeInputs(request, {type: `scoutagent.${type}`, fields: {checks: '[]string'}});
    const known = new Set(checksOf(node).map((check) => (check as {name?: unknown}).name));
    const failed = checks.filter((name) => !known.has(name));
    const skipped = checks.filter((name) => known.has(name));
    const data = {transitioned: [], failed, skipped};
    if (failed.length === 0) return ok(data);
    throw new ActionFailure(`Some checks could not be transitioned to ${event}`, {data});
  };
}
