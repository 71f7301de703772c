/**
 * The policy of `rego_policy`: whether a node may be provisioned at all, decided before the helper runs. The reference has the setting and
 * never reads the file.
 *
 * The policy's package is `io.choria.provisioner`; its `allow` decides. It sees what the helper sees, the inventory as an object:
 * `input.identity`, `input.inventory.facts`, `input.jwt.extensions`, `input.csr`, `input.ed25519_pubkey`.
 */
import type {RegoEngine, RegoQuery} from '../authz/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {parseJson} from '../lib/json.ts';
import type {Files} from '../lib/platform.ts';
import type {HelperInput} from './helper.ts';
import {provisionerLimits} from './limits.ts';
import type {ProvisionPolicy} from './types.ts';

export const provisionerQuery: RegoQuery = {
  packageName: 'io.choria.provisioner',
  functions: {},
  acceptsOldSyntax: true,
};

/** Reads the file for each node, so that a change counts at once. What cannot be read or judged is denied. */
export function createRegoProvisionPolicy(options: {
  readonly path: string;
  readonly files: Files;
  readonly engine: RegoEngine;
}): ProvisionPolicy & {close(): Promise<void>} {
  const {path, files, engine} = options;
  return {
    close: () => engine.close(),
    async judge(facts: HelperInput) {
      try {
        const text = (await files.read(path, {limitBytes: provisionerLimits.configBytesMax})).toString('utf8');
        const input = {...facts, inventory: parseJson(facts.inventory)};
        const allowed = await engine.decide(text, {query: provisionerQuery, input});
        return {allowed, reason: allowed ? '' : `"allow" of ${path} is false`};
      } catch (error) {
        return {allowed: false, reason: errorMessage(error)};
      }
    },
  };
}
