/** Who a connection is and what it may do, told to the connection itself. */
import {nanosecondsPerMs} from '../monitoring/text.ts';
import type {Permissions, SubjectRules} from '../permissions.ts';
import type {Account} from './account.ts';
import type {ClientConnection} from './client.ts';

export function userInfo(client: ClientConnection, account: Account, nowMs: number): object {
  const {granted, expiresAtMs} = client;
  const permissions = granted === undefined ? {} : {permissions: permissionsOf(granted)};
  // A duration of Go, in nanoseconds.
  const expires = Number.isFinite(expiresAtMs)
    ? {expires: Math.max(0, Math.round(expiresAtMs - nowMs)) * nanosecondsPerMs}
    : {};
  return {user: client.user, account: account.name, account_name: account.name, ...permissions, ...expires};
}

function permissionsOf({publish, subscribe, allowResponses}: Permissions): object {
  const responses =
    allowResponses === undefined
      ? {}
      : {responses: {max: allowResponses.max, ttl: allowResponses.expiresMs * nanosecondsPerMs}};
  return {publish: rules(publish), subscribe: rules(subscribe), ...responses};
}

function rules(given: SubjectRules | undefined): object {
  if (given === undefined) return {};
  const allow = [...(given.allow ?? []), ...(given.allowSingle ?? [])];
  return {
    ...(allow.length === 0 ? {} : {allow}),
    ...(given.deny === undefined || given.deny.length === 0 ? {} : {deny: given.deny}),
  };
}
