/**
 * `scout#goss_validate`: judges the node by goss rules.
 *
 * Kinds of resources that may not be asked for from afar (`plugin.scout.goss.denied_remote_resources`, commands by default) are
 * skipped and said so. This server judges `file` rules; rules of other kinds and templates are refused with a word, because a rule
 * that was not judged must never look like one that holds.
 */
import {errorMessage} from '../lib/errors.ts';
import {yaml} from '../lib/yaml.ts';
import {ActionFailure, decodeInputs} from '../rpc/index.ts';
import type {RpcAction} from '../rpc/index.ts';
import type {NodeContext} from '../rpc/types.ts';
import {ok} from './builtin.ts';
import {gossResourcesMax} from './limits.ts';

const emptyResult = {failures: 0, results: [], runtime: 0, success: 0, skipped: 0, summary: '', tests: 0};

const gossFileBytesMax = 256 * 1024;

interface GossResult {
  readonly successful: boolean;
  readonly skipped: boolean;
  readonly 'resource-id': string;
  readonly 'resource-type': string;
  readonly property: string;
  readonly [key: string]: unknown;
}

function refuse(message: string): ActionFailure {
  return new ActionFailure(message, {data: emptyResult});
}

export const gossValidate: RpcAction = async (request, {node}) => {
  const inputs = decodeInputs(request, {
    type: 'scoutagent.GossValidateRequest',
    fields: {file: 'string', vars: 'string', yaml_rules: 'string', yaml_vars: 'string'},
  });
  if (inputs.file === '' && inputs.yaml_rules === '') throw refuse('One of rules or file is required');
  if (inputs.file !== '' && inputs.yaml_rules !== '') throw refuse('Only one of rules or file can be supplied');
  if (inputs.vars !== '' && inputs.yaml_vars !== '') throw refuse('Only one of yaml_vars or vars can be supplied');
  const started = node.platform.clock.monotonicMs();
  try {
    const rules = inputs.file === '' ? inputs.yaml_rules : await readRules(inputs.file, node);
    const results = await judgeRules(parseRules(rules), node);
    return ok(summarise(results, (node.platform.clock.monotonicMs() - started) / 1000));
  } catch (error) {
    throw refuse(`Could not validate: ${errorMessage(error)}`);
  }
};

async function readRules(path: string, node: NodeContext): Promise<string> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const extension = dot < 0 ? '' : name.slice(dot);
  if (!['.yaml', '.yml', '.json'].includes(extension)) throw new Error(`unknown file extension: ${extension}`);
  return (await node.platform.files.read(path, {limitBytes: gossFileBytesMax})).toString('utf8');
}

function parseRules(text: string): ReadonlyMap<string, ReadonlyMap<string, unknown>> {
  const template = text.indexOf('{{');
  if (template >= 0) {
    const line = text.slice(0, template).split('\n').length;
    const next = text
      .slice(template + 2)
      .trimStart()
      .charAt(0);
    if (!/[\w.$"`(|/-]/.test(next))
      throw new Error(`template: test:${line}: unexpected ${JSON.stringify(next)} in command`);
    throw new Error(`template: test:${line}: templates are not run by this server, expected plain rules`);
  }
  // Anchors may grow a few lines into a memory full of rules.
  const document: unknown = yaml().parse(text, {maxAliasCount: 100, schema: 'core'});
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new Error('the rules are not a map');
  return new Map(
    Object.entries(document).map(([kind, items]) => {
      if (typeof items !== 'object' || items === null || Array.isArray(items)) {
        throw new Error(`the rules of kind "${kind}" are not a map`);
      }
      return [kind, new Map(Object.entries(items))];
    }),
  );
}

async function judgeRules(
  rules: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
  node: NodeContext,
): Promise<readonly GossResult[]> {
  const denied = node.config.get('plugin.scout.goss.denied_remote_resources');
  const count = [...rules.values()].reduce((sum, items) => sum + items.size, 0);
  if (count > gossResourcesMax) throw new Error(`there are ${count} resources, expected at most ${gossResourcesMax}`);
  const results: GossResult[] = [];
  for (const [kind, items] of rules) {
    for (const [id, resource] of items) {
      const properties = typeof resource === 'object' && resource !== null ? Object.entries(resource) : [];
      for (const [property, wanted] of properties) {
        if (property === 'title' || property === 'meta') continue;
        const subject = {kind, id, property, wanted, node};
        if (denied.includes(kind)) results.push(skippedResult(subject));
        else results.push(await judgeProperty(subject));
      }
    }
  }
  return results;
}

interface Subject {
  readonly kind: string;
  readonly id: string;
  readonly property: string;
  readonly wanted: unknown;
  readonly node: NodeContext;
}

async function judgeProperty(subject: Subject): Promise<GossResult> {
  const {kind, id, property, wanted, node} = subject;
  if (kind !== 'file') throw new Error(`rules of kind "${kind}" are not judged by this server, expected "file"`);
  const found = await fileProperty(id, property, node);
  const isSame = JSON.stringify(found) === JSON.stringify(wanted);
  return result(subject, {successful: isSame, skipped: false, found});
}

async function fileProperty(path: string, property: string, node: NodeContext): Promise<unknown> {
  const info = await node.platform.files.stat(path).catch((error: unknown) => {
    if ((error as {code?: unknown}).code === 'ENOENT') return undefined;
    throw error;
  });
  switch (property) {
    case 'exists':
      return info !== undefined;
    case 'mode':
      return info === undefined ? null : info.mode.toString(8).padStart(4, '0');
    case 'size':
      return info?.sizeBytes ?? null;
    case 'filetype':
      return info?.kind ?? null;
    default:
      throw new Error(`property "${property}" of a file is not judged by this server`);
  }
}

function skippedResult(subject: Subject): GossResult {
  return result(subject, {successful: false, skipped: true, found: null});
}

function result(
  subject: Subject,
  verdict: {readonly successful: boolean; readonly skipped: boolean; readonly found: unknown},
): GossResult {
  const {kind, id, property, wanted, node} = subject;
  const {successful, skipped, found} = verdict;
  const time = new Date(node.platform.clock.nowMs()).toISOString();
  const type = kind.charAt(0).toUpperCase() + kind.slice(1);
  const word = skipped ? 'skipped' : successful ? 'matches expectation' : 'does not match expectation';
  const line = `${type}: ${id}: ${property}: ${word}`;
  return {
    successful,
    skipped,
    'resource-id': id,
    'resource-type': type,
    property,
    title: '',
    meta: null,
    result: skipped ? 2 : successful ? 0 : 1,
    err: null,
    'matcher-result': {
      actual: found,
      message: skipped || successful ? '' : 'to equal',
      expected: skipped ? null : wanted,
      'missing-elements': null,
      'found-elements': null,
      'extra-elements': null,
      'transform-chain': null,
      'untransformed-value': null,
    },
    'start-time': time,
    'end-time': time,
    duration: 0,
    'summary-line': line,
    'summary-line-compact': line,
  };
}

function summarise(results: readonly GossResult[], runtime: number): Readonly<Record<string, unknown>> {
  const skipped = results.filter((item) => item.skipped).length;
  const success = results.filter((item) => item.successful).length;
  const failures = results.length - skipped - success;
  return {
    failures,
    results,
    runtime,
    success,
    skipped,
    summary: `Count: ${results.length}, Failed: ${failures}, Duration: ${runtime.toFixed(3)}s`,
    tests: results.length,
  };
}
