/** Shows who is in an organisation and what ends when. */
import {organisationStatus} from '../../organisation/index.ts';
import {inertLine} from '../render/inert.ts';
import {renderTable} from '../render/table.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {date, day, organisationDirectory} from './init-run.ts';

/** 0, or 1 when something that is not revoked has ended. */
export async function runInitStatus(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout} = context;
  const {organisation, authorityExpiresAtMs, members} = await organisationStatus(
    platform,
    organisationDirectory(platform, parsed),
  );
  const nowMs = platform.clock.nowMs();
  const exit = authorityExpiresAtMs <= nowMs || members.some((member) => member.state === 'expired') ? 1 : 0;
  if (parsed.flags['json'] === true) {
    const document = {
      name: organisation.name,
      directory: organisation.directory,
      broker: organisation.broker,
      collectives: organisation.collectives,
      authority: {expires: date(authorityExpiresAtMs)},
      members: members.map(({issuedAtMs, expiresAtMs, ...member}) => ({
        ...member,
        issued: date(issuedAtMs),
        expires: date(expiresAtMs),
      })),
    };
    stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return exit;
  }
  const rows = members.map((member) => [
    member.name,
    member.role ?? member.kind,
    member.state,
    day(member.expiresAtMs),
    remaining(member.expiresAtMs - nowMs),
    member.directory === undefined ? 'elsewhere' : inertLine(member.directory.slice(organisation.directory.length + 1)),
  ]);
  const title = `${inertLine(organisation.name)}: broker ${organisation.broker.host}:${organisation.broker.port}, authority until ${day(authorityExpiresAtMs)}`;
  stdout.write(renderTable({title, headers: ['Name', 'What', 'State', 'Until', 'Days left', 'Files'], rows}));
  return exit;
}

function remaining(leftMs: number): string {
  return String(Math.floor(leftMs / 86_400_000));
}
