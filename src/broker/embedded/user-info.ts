/** Who a connection is and what it may do, told to the connection itself. */
import type {SubjectRules} from '../permissions.ts';
import type {Account} from './account.ts';
import type {ClientConnection} from './client.ts';

export function userInfo(client: ClientConnection, account: Account, nowMs: number): object {
  const {granted, expiresAtMs} = client;
  const permissions =
    granted === undefined ? {} : {permissions: {publish: rules(granted.publish), subscribe: rules(granted.subscribe)}};
  // A duration of Go, in nanoseconds.
  const expires = Number.isFinite(expiresAtMs) ? {expires: Math.max(0, Math.round(expiresAtMs - nowMs)) * 1e6} : {};
  return {user: client.user, account: account.name, account_name: account.name, ...permissions, ...expires};
}

function rules(given: SubjectRules | undefined): object {
  if (given === undefined) return {};
  const allow = [...(given.allow ?? []), ...(given.allowSingle ?? [])];
  return {
    ...(allow.length === 0 ? {} : {allow}),
    ...(given.deny === undefined || given.deny.length === 0 ? {} : {deny: given.deny}),
  };
}
