/**
 * What the claims of a token let a connection do (spec security 7.1 and 7.2, broker 5.7 and 5.8).
 *
 * Names in claims become parts of subjects. The lists `pub_subjects` and `sub_subjects` are meant to hold patterns; names are not, so
 * one that is a pattern, or no subject, is refused: a server called `*` would hear every node.
 */
import {createHash} from 'node:crypto';
import type {Token} from '../../crypto/index.ts';
import {hasWildcard, isPublishSubject} from '../../natswire/index.ts';
import type {Permissions} from '../permissions.ts';

/** Organisation whose streams are the account's own; others reach theirs through an import. */
const defaultOrganization = 'choria';

/** Both directions closed: for nodes that may be connected and no more. */
export const nothingAtAll: Permissions = {publish: {deny: ['>']}, subscribe: {deny: ['>']}};

/** A claim that cannot be used; the text is for the broker's log. */
export class ClaimError extends Error {}

/** @throws {ClaimError} */
export function clientTokenPermissions(token: Token): Permissions {
  const may = (name: string): boolean => token.hasPermission(name);
  if (may('org_admin')) return {publish: {allow: ['>']}, subscribe: {allow: ['>']}};
  const subscribe = [...inboxes('*', token.name), ...listClaim(token, 'sub_subjects')];
  const publish = ['$SYS.REQ.USER.INFO', ...listClaim(token, 'pub_subjects')];
  if (may('fleet_management') || may('signed_fleet_management')) publish.push(...fleetRequests);
  if (may('streams_admin')) {
    publish.push('$JS.>');
    subscribe.push('$JS.EVENT.>');
  }
  if (may('streams_user')) {
    publish.push(...streamsUser);
    subscribe.push(`${organizationOf(token)}.republish.>`);
  }
  if (may('events_viewer')) {
    subscribe.push('choria.lifecycle.event.>', 'choria.machine.watcher.>', 'choria.machine.transition');
  }
  if (may('election_user')) {
    publish.push('$JS.API.STREAM.INFO.KV_CHORIA_LEADER_ELECTION', '$KV.CHORIA_LEADER_ELECTION.>');
  }
  if (may('governor') && (may('streams_user') || may('streams_admin'))) {
    publish.push('*.governor.*', 'choria.lifecycle.event.governor.>');
  }
  return {publish: {allow: publish}, subscribe: {allow: subscribe}};
}

/** @throws {ClaimError} */
export function serverTokenPermissions(token: Token): Permissions {
  const may = (name: string): boolean => token.hasPermission(name);
  const collectives = listClaim(token, 'collectives');
  if (collectives.length === 0) return nothingAtAll;
  requireName('identity', token.name);
  const publish = [
    'choria.lifecycle.>',
    'choria.machine.transition',
    'choria.machine.watcher.>',
    ...listClaim(token, 'pub_subjects'),
  ];
  const subscribe: string[] = [];
  for (const collective of collectives) {
    requireName('collective', collective);
    publish.push(
      `${collective}.reply.>`,
      `${collective}.broadcast.agent.registration`,
      `choria.federation.${collective}.collective`,
    );
    subscribe.push(
      `${collective}.broadcast.agent.>`,
      `${collective}.node.${token.name}`,
      ...inboxes(collective, token.name),
    );
    if (may('service_host')) subscribe.push(`${collective}.broadcast.service.>`);
    if (may('submission')) publish.push(`${collective}.submission.in.>`);
    if (may('governor') && may('streams')) publish.push(`${collective}.governor.*`);
  }
  if (may('streams')) {
    const organization = organizationOf(token);
    const prefix = organization === defaultOrganization ? '$JS.API' : 'choria.streams';
    publish.push(...serverStreams.map((subject) => `${prefix}.${subject}`), '$JS.ACK.>', '$JS.FC.>');
    subscribe.push(`${organization}.republish.>`);
  }
  return {publish: {allow: publish}, subscribe: {allow: subscribe}};
}

/** Of a server that has no configuration yet. */
export const unprovisionedPermissions: Permissions = {
  publish: {allow: ['choria.lifecycle.>', 'provisioning.reply.>', 'provisioning.registration.>']},
  subscribe: {
    allow: [
      'provisioning.node.>',
      ...['discovery', 'rpcutil', 'choria_util', 'choria_provision'].map(
        (agent) => `provisioning.broadcast.agent.${agent}`,
      ),
    ],
  },
};

/** Of standard NATS clients beside a fleet with tokens: everything but the fleet. */
const fleetSubjects = [
  '*.broadcast.>',
  '*.node.>',
  '*.reply.>',
  'choria.federation.>',
  'choria.lifecycle.>',
  'choria.machine.>',
];
export const beyondFleetPermissions: Permissions = {
  publish: {allow: ['>'], deny: fleetSubjects},
  subscribe: {allow: ['>'], deny: fleetSubjects},
};

const fleetRequests = [
  '*.broadcast.agent.>',
  '*.broadcast.service.>',
  '*.node.>',
  'choria.federation.*.federation',
] as const;

const streamsUser = [
  ...[
    'INFO',
    'STREAM.NAMES',
    'STREAM.LIST',
    'STREAM.INFO.*',
    'STREAM.MSG.GET.*',
    'STREAM.MSG.DELETE.*',
    'DIRECT.GET.*',
    'DIRECT.GET.*.>',
    'CONSUMER.CREATE.*',
    'CONSUMER.CREATE.*.>',
    'CONSUMER.DURABLE.CREATE.*.*',
    'CONSUMER.DELETE.*.*',
    'CONSUMER.NAMES.*',
    'CONSUMER.LIST.*',
    'CONSUMER.INFO.*.*',
    'CONSUMER.MSG.NEXT.*.*',
  ].map((subject) => `$JS.API.${subject}`),
  '$JS.ACK.>',
  '$JS.FC.>',
  '$KV.>',
  '$O.>',
] as const;

const serverStreams = [
  'STREAM.INFO.*',
  'STREAM.MSG.GET.*',
  'STREAM.MSG.DELETE.*',
  'DIRECT.GET.*',
  'DIRECT.GET.*.>',
  'CONSUMER.CREATE.*',
  'CONSUMER.CREATE.*.>',
  'CONSUMER.DURABLE.CREATE.*.*',
  'CONSUMER.INFO.*.*',
  'CONSUMER.MSG.NEXT.*.*',
] as const;

/** Names of inboxes; md5 is the wire's choice and protects nothing here. */
export function inboxes(collective: string, name: string): readonly string[] {
  return (['md5', 'sha256'] as const).map(
    (algorithm) => `${collective}.reply.${createHash(algorithm).update(name, 'utf8').digest('hex')}.>`,
  );
}

function organizationOf(token: Token): string {
  const organization = token.organization ?? defaultOrganization;
  requireName('ou', organization);
  return organization;
}

function listClaim(token: Token, name: string): readonly string[] {
  const value = Object.hasOwn(token.claims, name) ? token.claims[name] : undefined;
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((item): item is string => typeof item === 'string')) {
    throw new ClaimError(`the claim "${name}" is not a list of texts`);
  }
  return value;
}

function requireName(what: string, name: string): void {
  if (isPublishSubject(name) && !hasWildcard(name) && !/\s/.test(name)) return;
  throw new ClaimError(`the ${what} ${JSON.stringify(name.slice(0, 255))} cannot be part of a subject`);
}
