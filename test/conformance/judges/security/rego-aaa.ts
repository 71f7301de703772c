/** Decisions by the policies inside tokens, in the signing service and on servers. */
import {createTokenPolicy, judgeTokenRego, type RegoEngine} from '../../../../src/authz/index.ts';
import {decodeRequest} from '../../../../src/protocol/index.ts';
import {createRecordingLogger} from '../../../support/recording-logger.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';
import {createJudgeEngine} from './_rego.ts';

interface TokenCase {
  readonly name: string;
  readonly allowed: boolean;
  readonly error: string;
  readonly agents: readonly string[] | null;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly evaluated_by: string;
  readonly log: readonly string[];
  readonly opa_policy: string;
  readonly request: {
    readonly action: string;
    readonly agent: string;
    readonly collective: string;
    readonly data: string;
    readonly filter: object;
    readonly sender: string;
    readonly time: string;
    readonly ttl: number;
  };
}

const judge: Judge = async ({data}) => {
  const engine = createJudgeEngine();
  try {
    const results: CaseResult[] = [];
    for (const item of (data as {readonly cases: readonly TokenCase[]}).cases) {
      results.push(await judgeCase(item, engine));
    }
    return results;
  } finally {
    await engine.close();
  }
};

async function judgeCase(item: TokenCase, engine: RegoEngine): Promise<CaseResult> {
  const request = requestOf(item);
  const expected = {
    allowed: item.allowed,
    failed: item.error !== '' || item.log.some((line) => line.startsWith('error')),
  };
  const site = /\(site (?:is )?([^)]+)\)/.exec(item.evaluated_by)?.[1] ?? '';
  if (!item.evaluated_by.startsWith('server')) {
    try {
      const allowed = await judgeTokenRego(item.opa_policy, {request, claims: item.claims, options: {engine, site}});
      return judgeEqual(item.name, expected, {allowed, failed: false});
    } catch {
      return judgeEqual(item.name, expected, {allowed: false, failed: true});
    }
  }
  const logger = createRecordingLogger();
  const policy = createTokenPolicy({engine, site: 'server', logger});
  const {allowed} = await policy.authorize(request);
  return judgeEqual(item.name, expected, {allowed, failed: logger.lines.some(({level}) => level === 'error')});
}

/** The request as a server reads it from the wire, so that the filter is what was signed. */
function requestOf(item: TokenCase) {
  const {request} = item;
  const wire = {
    protocol: 'io.choria.protocol.v2.request',
    message: Buffer.from('{}').toString('base64'),
    id: '3MOtkJwx0KP3fNDwZnJDNrBgQNc',
    sender: request.sender,
    caller: 'up=bob',
    collective: request.collective,
    agent: request.agent,
    ttl: request.ttl,
    time: 1_795_233_583_000_000,
    filter: request.filter,
  };
  const {filter} = decodeRequest(Buffer.from(JSON.stringify(wire)), 2);
  return {
    agent: request.agent,
    action: request.action,
    callerId: wire.caller,
    requestId: wire.id,
    senderId: request.sender,
    collective: request.collective,
    ttlSeconds: request.ttl,
    sentAtMs: Date.parse(request.time),
    rawData: JSON.parse(request.data) as unknown,
    claims: item.claims,
    filter,
  };
}

export default judge;
